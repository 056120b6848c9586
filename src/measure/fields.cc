#include "measure/internal/fields.h"

namespace ciyuan::measure {

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) first_ = invalid(path_, "must be an object");
}

void Fields::fault(const std::string& name, std::string message) {
  if (first_.ok()) first_ = invalid(path_of(name), std::move(message));
}

const Json* Fields::find(const char* name, bool required) {
  read_.insert(name);
  if (has(name)) return &object_[name];
  if (required) fault(name, "is missing");
  return nullptr;
}

const Json* Fields::member(const char* name) { return find(name, false); }

std::string Fields::text(const char* name, bool required) {
  const Json* value = find(name, required);
  if (value == nullptr) return "";
  if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
    fault(name, value->dump() + " is no text");
    return "";
  }
  return value->get<std::string>();
}

std::int64_t Fields::whole(const char* name, std::int64_t least, std::int64_t most, bool required,
                           std::int64_t otherwise) {
  const Json* value = find(name, required);
  if (value == nullptr) return otherwise;
  // An unsigned number beyond 2^63 would turn negative: compare as it is stored.
  const bool fits = value->is_number_unsigned()
                        ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                        : value->is_number_integer() && value->get<std::int64_t>() <= most;
  if (!fits || value->get<std::int64_t>() < least) {
    fault(name, value->dump() + " must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
    return otherwise;
  }
  return value->get<std::int64_t>();
}

Amount Fields::decimal(const char* name, int scale, bool required) {
  const Json* value = find(name, required);
  if (value == nullptr) return Amount();
  if (!value->is_string() && !value->is_number_integer()) {
    fault(name, value->dump() + " must be a decimal in quotes");
    return Amount();
  }
  auto amount = parse_decimal(value->is_string() ? value->get<std::string>() : value->dump(), scale);
  if (!amount || amount->is_negative()) {
    fault(name, amount ? value->dump() + " must not be negative" : amount.error().message);
    return Amount();
  }
  return *amount;
}

std::string Fields::date(const char* name, bool required) {
  std::string value = text(name, required);
  bool right = value.size() == 10 && value[4] == '-' && value[7] == '-';
  for (std::size_t i = 0; right && i < value.size(); ++i)
    right = i == 4 || i == 7 || (value[i] >= '0' && value[i] <= '9');
  if (!value.empty() && !right) fault(name, "\"" + value + "\" must be a date, YYYY-MM-DD");
  return value;
}

Status Fields::done(const std::string& belongs) {
  if (first_.ok() && object_.is_object())
    for (const auto& [name, value] : object_.items())
      if (!read_.contains(name)) fault(name, "does not belong to " + belongs);
  return first_;
}

}  // namespace ciyuan::measure
