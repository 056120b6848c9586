/// The functions a template finds without being given them: range, dict, namespace, raise_exception,
/// strftime_now.

#include <algorithm>
#include <array>
#include <ctime>

#include "jinja/internal/interpreter.h"

namespace ciyuan::jinja {

namespace {

/// Jinja's sandbox allows no longer range.
constexpr std::int64_t kRangeMax = 100'000;
constexpr std::size_t kTimeTextMax = 256;

}  // namespace

Value Interpreter::range(std::int64_t start, std::int64_t stop, std::int64_t step) {
  if (step == 0) return fail("range step must not be zero");
  std::vector<Value> items = {Value::integer(start), Value::integer(stop), Value::integer(step)};
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    items.push_back(Value::integer(i));
    if (static_cast<std::int64_t>(items.size()) > kRangeMax + 3)
      return fail_limit("a range of more than 100,000");
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  const std::span<const Value> kept = sequence(Kind::kTuple, items).items();
  return kept.empty() ? Value() : Value::sequence(Kind::kRange, kept.subspan(3));
}

Value Interpreter::call_function(Function which, const Arguments& arguments) {
  switch (which) {
    case Function::kRaiseException:
      return fail(std::string(text_of(arguments.get(0, "message"))));
    case Function::kRange: {
      std::array<std::int64_t, 3> bounds = {0, 0, 1};
      const std::size_t count = arguments.positional.size();
      if (count == 0 || count > 3) return fail("range expects 1 to 3 integers");
      for (std::size_t i = 0; i < count; ++i) {
        if (!arguments.positional[i].is(Kind::kInteger) && !arguments.positional[i].is(Kind::kBoolean))
          return fail("range expects integers");
        bounds[count == 1 ? 1 : i] = arguments.positional[i].as_integer();
      }
      return range(bounds[0], bounds[1], bounds[2]);
    }
    case Function::kDict:
    case Function::kNamespace: {
      std::vector<Entry> entries;
      auto put = [&](const Value& key, const Value& value) {
        auto same =
            std::find_if(entries.begin(), entries.end(), [&](const Entry& o) { return equal(o.key, key); });
        if (same == entries.end()) {
          entries.push_back({key, value});
        } else {
          same->value = value;
        }
      };
      if (!arguments.positional.empty()) {
        const Value& source = arguments.positional[0];
        if (source.is_dict()) {
          entries.assign(source.entries().begin(), source.entries().end());
        } else {
          for (const Value& pair : iterate(source)) {
            const auto parts = iterate(pair);
            if (failed_ || parts.size() != 2) return fail("dict expects a mapping or pairs");
            put(parts[0], parts[1]);
          }
        }
      }
      for (const Named& named : arguments.named) put(Value::string(named.first), named.second);
      for (const Entry& entry : entries) {
        if (which == Function::kNamespace && !entry.key.is_string())
          return fail("a namespace's names are strings");
      }
      const auto kept = heap_.copy(std::span<const Entry>(entries));
      if (which == Function::kDict) return Value::dict(kept);
      Namespace* space =
          heap_.make<Namespace>(std::span<Entry>(const_cast<Entry*>(kept.data()), kept.size()), kept.size());
      return space == nullptr ? fail_limit("out of heap") : Value::name_space(space);
    }
    case Function::kStrftimeNow: {
      const std::string format(text_of(arguments.get(0, "format")));
      const std::time_t now = options_.now_seconds;
      std::tm parts{};
      gmtime_r(&now, &parts);
      std::array<char, kTimeTextMax> buffer;
      const std::size_t size = std::strftime(buffer.data(), buffer.size(), format.c_str(), &parts);
      if (size == 0 && !format.empty()) return fail("strftime_now: more than 255 bytes, or nothing");
      return string({buffer.data(), size});
    }
  }
  return {};
}

}  // namespace ciyuan::jinja
