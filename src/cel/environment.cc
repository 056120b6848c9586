#include "cel/environment.h"

#include <algorithm>

#include "base/bytes.h"
#include "cel/internal/civil_time.h"
#include "cel/internal/frame.h"

namespace ciyuan::cel {

namespace {

constexpr int kNestingMax = 16;

bool is_name(std::string_view name) {
  const auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool begins = true;
  for (const char c : name) {
    if (c == '.' ? begins : !(is_first(c) || (!begins && c >= '0' && c <= '9'))) return false;
    begins = c == '.';
  }
  return !begins;
}

/// Walks a value against its type and bound.
class Acceptance {
 public:
  explicit Acceptance(const Bound& bound) : bound_(bound), left_(bound.total_max) {}

  bool accepts(const Type& type, const Value& value, int depth = 0) {
    if (depth > kNestingMax || !spend(1)) return false;
    if (type.kind != Kind::kDyn && type.kind != value.kind()) return false;
    switch (value.kind()) {
      case Kind::kError:
      case Kind::kDyn:
      case Kind::kParameter:
        return false;
      case Kind::kString:
        if (!is_utf8(value.text())) return false;
        [[fallthrough]];
      case Kind::kBytes:
        return value.text().size() <= bound_.bytes_max && spend(steps_of_bytes(value.text().size()));
      case Kind::kTimestamp:
        return value.seconds() >= kSecondsMin && value.seconds() <= kSecondsMax &&
               value.nanoseconds() < kBillion;
      case Kind::kList:
        return accepts_list(type, value, depth);
      case Kind::kMap:
        return accepts_map(type, value, depth);
      case Kind::kObject:
        return accepts_object(type, value, depth);
      default:
        return true;
    }
  }

 private:
  bool spend(std::uint64_t wanted) {
    if (wanted > left_) return false;
    left_ -= wanted;
    return true;
  }

  static const Type& part(const Type& type, std::size_t index) {
    static const Type dyn;
    return type.kind == Kind::kDyn ? dyn : type.parts[index];
  }

  bool accepts_list(const Type& type, const Value& value, int depth) {
    if (value.items().size() > bound_.items_max) return false;
    return std::all_of(value.items().begin(), value.items().end(),
                       [&](const Value& item) { return accepts(part(type, 0), item, depth + 1); });
  }

  bool accepts_map(const Type& type, const Value& value, int depth) {
    if (value.entries().size() > bound_.items_max) return false;
    return std::all_of(value.entries().begin(), value.entries().end(), [&](const Entry& entry) {
      return accepts(part(type, 0), entry.key, depth + 1) && accepts(part(type, 1), entry.value, depth + 1);
    });
  }

  /// A field may be unset; an object has no place where its fields are not known.
  bool accepts_object(const Type& type, const Value& value, int depth) {
    if (type.kind != Kind::kObject || value.items().size() != type.parts.size()) return false;
    for (std::size_t i = 0; i < type.parts.size(); ++i) {
      const Value& field = value.items()[i];
      if (field.is_unset() ? !spend(1) : !accepts(type.parts[i], field, depth + 1)) return false;
    }
    return true;
  }

  const Bound& bound_;
  std::uint64_t left_;
};

}  // namespace

Status Environment::declare(std::string_view name, const Type& type, const Bound& bound) {
  Environment next = *this;  // all of an object's fields are declared, or none
  CIYUAN_TRY_STATUS(next.add(name, type, bound));
  *this = std::move(next);
  return {};
}

Status Environment::add(std::string_view name, const Type& type, const Bound& bound) {
  if (!is_name(name))
    return invalid(std::string(name), "is not a name of CEL, or several with dots between them");
  if (slots_.contains(name) || objects_.contains(name))
    return invalid(std::string(name), "is declared already");
  if (type.kind == Kind::kObject) {
    std::string names;
    for (const std::string& field : type.fields) names += (names.empty() ? "" : ", ") + field;
    objects_.emplace(name, std::move(names));
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      CIYUAN_TRY_STATUS(add(std::string(name) + "." + type.fields[i], type.parts[i], bound));
    }
    return {};
  }
  if (variables_.size() == kVariablesMax) {
    return Error{ErrorCode::kTooLarge,
                 "is one variable too many; at most " + std::to_string(kVariablesMax) + " are allowed",
                 std::string(name)};
  }
  slots_.emplace(name, static_cast<Slot>(variables_.size()));
  variables_.push_back({std::string(name), type, bound});
  return {};
}

std::optional<Slot> Environment::slot(std::string_view name) const {
  const auto found = slots_.find(name);
  return found == slots_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> Environment::fields_of(std::string_view object) const {
  const auto found = objects_.find(object);
  return found == objects_.end() ? std::nullopt : std::optional(found->second);
}

bool Environment::accepts(Slot slot, const Value& value) const {
  const Variable& variable = variables_[slot];
  if (value.is_unset()) return true;
  return Acceptance(variable.bound).accepts(variable.type, value);
}

}  // namespace ciyuan::cel
