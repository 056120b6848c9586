#include "cel/internal/compare.h"

#include <algorithm>
#include <cmath>

namespace ciyuan::cel {

namespace {

constexpr double kTwo63 = 9223372036854775808.0;

std::partial_ordering compare_int_uint(std::int64_t a, std::uint64_t b) {
  return a < 0 ? std::partial_ordering::less : static_cast<std::uint64_t>(a) <=> b;
}

/// The published cases say that an int is made a double first: 2^63 - 1 is not less than 2^63.
double as_double(const Value& a) {
  if (a.is(Kind::kInt)) return static_cast<double>(a.integer());
  return a.is(Kind::kUint) ? static_cast<double>(a.unsigned_integer()) : a.real();
}

bool equal_lists(Frame& frame, std::span<const Value> a, std::span<const Value> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(frame, a[i], b[i])) return false;
  }
  return true;
}

bool equal_maps(Frame& frame, std::span<const Entry> a, std::span<const Entry> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(frame, a[i].key, b[i].key) || !equal(frame, a[i].value, b[i].value)) return false;
  }
  return true;
}

/// Of two values of one kind, or two numbers; nothing when they have no order.
std::optional<std::partial_ordering> ordered(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.kind() != b.kind()) return {};
  switch (a.kind()) {
    case Kind::kBool:
      return a.boolean() <=> b.boolean();
    case Kind::kString:
    case Kind::kBytes:
      return a.text() <=> b.text();
    case Kind::kDuration:
      return a.integer() <=> b.integer();
    case Kind::kTimestamp:
      return a.seconds() != b.seconds() ? a.seconds() <=> b.seconds() : a.nanoseconds() <=> b.nanoseconds();
    default:
      return {};
  }
}

template <class Holds>
Value order(Frame& frame, const Value* arguments, std::size_t count, Holds holds) {
  const bool texts = arguments[0].is(Kind::kString) || arguments[0].is(Kind::kBytes);
  if (texts && arguments[1].kind() == arguments[0].kind() &&
      !frame.spend(steps_of_bytes(std::min(arguments[0].text().size(), arguments[1].text().size())))) {
    return frame.exhausted();
  }
  const std::optional<std::partial_ordering> found = ordered(arguments[0], arguments[1]);
  return found ? Value::boolean(holds(*found)) : frame.no_overload(arguments, count);
}

/// A number that says a place in a list, or nothing.
std::optional<std::int64_t> place(const Value& value) {
  if (value.is(Kind::kInt)) return value.integer();
  if (value.is(Kind::kUint))
    return static_cast<std::int64_t>(std::min<std::uint64_t>(value.unsigned_integer(), INT64_MAX));
  if (value.is(Kind::kDouble) && std::trunc(value.real()) == value.real() &&
      std::fabs(value.real()) < kTwo63) {
    return static_cast<std::int64_t>(value.real());
  }
  return {};
}

}  // namespace

std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  if (a.is(Kind::kDouble) || b.is(Kind::kDouble)) return as_double(a) <=> as_double(b);
  if (a.is(Kind::kInt)) {
    return b.is(Kind::kInt) ? std::partial_ordering(a.integer() <=> b.integer())
                            : compare_int_uint(a.integer(), b.unsigned_integer());
  }
  return b.is(Kind::kUint) ? std::partial_ordering(a.unsigned_integer() <=> b.unsigned_integer())
                           : 0 <=> compare_int_uint(b.integer(), a.unsigned_integer());
}

bool equal(Frame& frame, const Value& a, const Value& b) {
  if (!frame.spend(1)) return false;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      if (a.text().size() != b.text().size() || !frame.spend(steps_of_bytes(a.text().size()))) return false;
      return a.text() == b.text();
    case Kind::kTimestamp:
      return a.seconds() == b.seconds() && a.nanoseconds() == b.nanoseconds();
    case Kind::kList:
      return equal_lists(frame, a.items(), b.items());
    case Kind::kMap:
      return equal_maps(frame, a.entries(), b.entries());
    case Kind::kObject:
      return equal_lists(frame, a.items(), b.items());
    case Kind::kError:
      return a.is_unset() && b.is_unset();  // a field that neither object has
    default:
      return a.unsigned_integer() == b.unsigned_integer();
  }
}

std::weak_ordering compare_keys(const Value& a, const Value& b) {
  const auto rank = [](const Value& key) { return key.is(Kind::kBool) ? 0 : key.is_number() ? 1 : 2; };
  if (rank(a) != rank(b)) return rank(a) <=> rank(b);
  if (rank(a) == 0) return a.boolean() <=> b.boolean();
  if (rank(a) == 2) return a.text() <=> b.text();
  const std::partial_ordering order = compare_numbers(a, b);
  return order < 0   ? std::weak_ordering::less
         : order > 0 ? std::weak_ordering::greater
                     : std::weak_ordering::equivalent;
}

const Value* find_key(std::span<const Entry> entries, const Value& key) {
  const bool possible = key.is(Kind::kBool) || key.is(Kind::kString) ||
                        (key.is_number() && !(key.is(Kind::kDouble) && std::isnan(key.real())));
  if (!possible) return nullptr;
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const Entry& entry, const Value& wanted) { return compare_keys(entry.key, wanted) < 0; });
  return found != entries.end() && compare_keys(found->key, key) == 0 ? &found->value : nullptr;
}

std::optional<Value> Value::map(std::span<Entry> entries) {
  for (const Entry& entry : entries) {
    const Kind kind = entry.key.kind();
    if (kind != Kind::kBool && kind != Kind::kInt && kind != Kind::kUint && kind != Kind::kString) return {};
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return compare_keys(a.key, b.key) < 0; });
  const auto twice = std::adjacent_find(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return compare_keys(a.key, b.key) == 0;
  });
  if (twice != entries.end()) return {};
  return view(Kind::kMap, entries.data(), entries.size());
}

Value Value::timestamp(TimePoint time) {
  const std::int64_t part = (time.ns % 1'000'000'000 + 1'000'000'000) % 1'000'000'000;
  return timestamp((time.ns - part) / 1'000'000'000, static_cast<std::uint32_t>(part));
}

Value equals(Frame& frame, const Value* arguments, std::size_t) {
  const bool found = equal(frame, arguments[0], arguments[1]);
  return frame.spent ? frame.exhausted() : Value::boolean(found);
}
Value differs(Frame& frame, const Value* arguments, std::size_t) {
  const bool found = equal(frame, arguments[0], arguments[1]);
  return frame.spent ? frame.exhausted() : Value::boolean(!found);
}
Value less(Frame& frame, const Value* arguments, std::size_t count) {
  return order(frame, arguments, count, [](std::partial_ordering found) { return found < 0; });
}
Value less_equal(Frame& frame, const Value* arguments, std::size_t count) {
  return order(frame, arguments, count, [](std::partial_ordering found) { return found <= 0; });
}
Value greater(Frame& frame, const Value* arguments, std::size_t count) {
  return order(frame, arguments, count, [](std::partial_ordering found) { return found > 0; });
}
Value greater_equal(Frame& frame, const Value* arguments, std::size_t count) {
  return order(frame, arguments, count, [](std::partial_ordering found) { return found >= 0; });
}

Value contained(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& wanted = arguments[0];
  if (arguments[1].is(Kind::kList)) {
    for (const Value& item : arguments[1].items()) {
      const bool found = equal(frame, wanted, item);
      if (frame.spent) return frame.exhausted();
      if (found) return Value::boolean(true);
    }
    return Value::boolean(false);
  }
  if (!arguments[1].is(Kind::kMap)) return frame.no_overload(arguments, count);
  const std::span<const Entry> entries = arguments[1].entries();
  const std::uint64_t bytes = wanted.is(Kind::kString) ? wanted.text().size() : 0;
  if (!frame.spend(steps_of_find(entries.size(), bytes))) return frame.exhausted();
  return Value::boolean(find_key(entries, wanted) != nullptr);
}

Value at_index(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& key = arguments[1];
  if (arguments[0].is(Kind::kList)) {
    const std::span<const Value> items = arguments[0].items();
    const std::optional<std::int64_t> index = place(key);
    if (!index) return key.is_number() ? frame.fail(Fault::kIndex, -1) : frame.no_overload(arguments, count);
    if (*index < 0 || static_cast<std::uint64_t>(*index) >= items.size())
      return frame.fail(Fault::kIndex, *index);
    return items[static_cast<std::size_t>(*index)];
  }
  if (!arguments[0].is(Kind::kMap)) return frame.no_overload(arguments, count);
  const std::span<const Entry> entries = arguments[0].entries();
  const std::uint64_t bytes = key.is(Kind::kString) ? key.text().size() : 0;
  if (!frame.spend(steps_of_find(entries.size(), bytes))) return frame.exhausted();
  const Value* found = find_key(entries, key);
  return found ? *found : frame.fail(Fault::kNoSuchKey);
}

}  // namespace ciyuan::cel
