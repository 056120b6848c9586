// The operators on numbers, texts, lists and times. Overflow is an error, never a wrapped number.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/amount.h"
#include "cel/internal/civil_time.h"
#include "cel/internal/library.h"
#include "cel/internal/utf8.h"

namespace ciyuan::cel {

namespace {

bool both(const Value* arguments, Kind kind) { return arguments[0].is(kind) && arguments[1].is(kind); }

/// `seconds` and a sum of nanoseconds that may be under 0 or over a second.
Value timestamp_of(const Frame& frame, std::int64_t seconds, std::int64_t nanoseconds) {
  std::int64_t carry = nanoseconds / kBillion;
  nanoseconds %= kBillion;
  if (nanoseconds < 0) nanoseconds += kBillion, --carry;
  seconds += carry;
  if (seconds < kSecondsMin || seconds > kSecondsMax) return frame.fail(Fault::kOverflow);
  return Value::timestamp(seconds, static_cast<std::uint32_t>(nanoseconds));
}

/// A span has under 2^34 seconds and a timestamp under 2^38: their sum cannot overflow.
Value moved(const Frame& frame, const Value& time, std::int64_t span, int direction) {
  return timestamp_of(frame, time.seconds() + direction * (span / kBillion),
                      time.nanoseconds() + direction * (span % kBillion));
}

Value span_between(const Frame& frame, const Value& later, const Value& earlier) {
  const Int128 span = static_cast<Int128>(later.seconds() - earlier.seconds()) * kBillion +
                      (static_cast<std::int64_t>(later.nanoseconds()) - earlier.nanoseconds());
  if (span < INT64_MIN || span > INT64_MAX) return frame.fail(Fault::kOverflow);
  return Value::duration(static_cast<std::int64_t>(span));
}

Value joined_texts(Frame& frame, std::string_view a, std::string_view b, Kind kind) {
  if (a.empty() || b.empty()) {
    const std::string_view both = a.empty() ? b : a;
    return kind == Kind::kString ? Value::string(both) : Value::bytes(both);
  }
  char* made = frame.make_room(a.size() + b.size());
  if (!made) return frame.exhausted();
  std::memcpy(made, a.data(), a.size());
  std::memcpy(made + a.size(), b.data(), b.size());
  const std::string_view text(made, a.size() + b.size());
  return kind == Kind::kString ? Value::string(text) : Value::bytes(text);
}

Value joined_lists(Frame& frame, std::span<const Value> a, std::span<const Value> b) {
  const std::size_t count = a.size() + b.size();
  if (!frame.spend(count)) return frame.exhausted();
  Value* made = frame.arena.allocate_array<Value>(count);
  if (!made) return frame.exhausted();
  std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), made));
  return Value::list({made, count});
}

template <class Number, class Operation>
Value checked(const Frame& frame, Number a, Number b, Operation overflows) {
  Number made = 0;
  if (overflows(a, b, &made)) return frame.fail(Fault::kOverflow);
  if constexpr (std::is_signed_v<Number>)
    return Value::integer(made);
  else
    return Value::unsigned_integer(made);
}

}  // namespace

Value Frame::make_string(std::string_view text, Kind kind) {
  char* made = make_room(text.size());
  if (!made) return exhausted();
  std::memcpy(made, text.data(), text.size());
  return kind == Kind::kString ? Value::string({made, text.size()}) : Value::bytes({made, text.size()});
}

Value add(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  const auto overflows = [](auto x, auto y, auto* sum) { return __builtin_add_overflow(x, y, sum); };
  if (a.is(Kind::kTimestamp) && b.is(Kind::kDuration)) return moved(frame, a, b.integer(), 1);
  if (a.is(Kind::kDuration) && b.is(Kind::kTimestamp)) return moved(frame, b, a.integer(), 1);
  if (a.kind() != b.kind()) return frame.no_overload(arguments, count);
  switch (a.kind()) {
    case Kind::kInt:
      return checked(frame, a.integer(), b.integer(), overflows);
    case Kind::kUint:
      return checked(frame, a.unsigned_integer(), b.unsigned_integer(), overflows);
    case Kind::kDouble:
      return Value::real(a.real() + b.real());
    case Kind::kString:
    case Kind::kBytes:
      return joined_texts(frame, a.text(), b.text(), a.kind());
    case Kind::kList:
      return joined_lists(frame, a.items(), b.items());
    case Kind::kDuration: {
      const Value sum = checked(frame, a.integer(), b.integer(), overflows);
      return sum.is_error() ? sum : Value::duration(sum.integer());
    }
    default:
      return frame.no_overload(arguments, count);
  }
}

Value subtract(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  const auto overflows = [](auto x, auto y, auto* made) { return __builtin_sub_overflow(x, y, made); };
  if (both(arguments, Kind::kInt)) return checked(frame, a.integer(), b.integer(), overflows);
  if (both(arguments, Kind::kUint))
    return checked(frame, a.unsigned_integer(), b.unsigned_integer(), overflows);
  if (both(arguments, Kind::kDouble)) return Value::real(a.real() - b.real());
  if (both(arguments, Kind::kTimestamp)) return span_between(frame, a, b);
  if (a.is(Kind::kTimestamp) && b.is(Kind::kDuration)) return moved(frame, a, b.integer(), -1);
  if (!both(arguments, Kind::kDuration)) return frame.no_overload(arguments, count);
  const Value made = checked(frame, a.integer(), b.integer(), overflows);
  return made.is_error() ? made : Value::duration(made.integer());
}

Value multiply(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  const auto overflows = [](auto x, auto y, auto* made) { return __builtin_mul_overflow(x, y, made); };
  if (both(arguments, Kind::kInt)) return checked(frame, a.integer(), b.integer(), overflows);
  if (both(arguments, Kind::kUint))
    return checked(frame, a.unsigned_integer(), b.unsigned_integer(), overflows);
  if (both(arguments, Kind::kDouble)) return Value::real(a.real() * b.real());
  return frame.no_overload(arguments, count);
}

Value divide(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  if (both(arguments, Kind::kDouble)) return Value::real(a.real() / b.real());
  if (!both(arguments, Kind::kInt) && !both(arguments, Kind::kUint))
    return frame.no_overload(arguments, count);
  if (b.unsigned_integer() == 0) return frame.fail(Fault::kDivideByZero);
  if (a.is(Kind::kUint)) return Value::unsigned_integer(a.unsigned_integer() / b.unsigned_integer());
  if (a.integer() == INT64_MIN && b.integer() == -1) return frame.fail(Fault::kOverflow);
  return Value::integer(a.integer() / b.integer());
}

Value modulus(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  if (!both(arguments, Kind::kInt) && !both(arguments, Kind::kUint))
    return frame.no_overload(arguments, count);
  if (b.unsigned_integer() == 0) return frame.fail(Fault::kDivideByZero);
  if (a.is(Kind::kUint)) return Value::unsigned_integer(a.unsigned_integer() % b.unsigned_integer());
  if (b.integer() == -1) return Value::integer(0);  // the processor traps on the smallest int
  return Value::integer(a.integer() % b.integer());
}

Value negate(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kDouble)) return Value::real(-a.real());
  if (!a.is(Kind::kInt)) return frame.no_overload(arguments, count);
  return a.integer() == INT64_MIN ? frame.fail(Fault::kOverflow) : Value::integer(-a.integer());
}

Value logical_not(Frame& frame, const Value* arguments, std::size_t count) {
  return arguments[0].is(Kind::kBool) ? Value::boolean(!arguments[0].boolean())
                                      : frame.no_overload(arguments, count);
}

Value size_of(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  switch (a.kind()) {
    case Kind::kString:
      if (!frame.spend(steps_of_bytes(a.text().size()))) return frame.exhausted();
      return Value::integer(static_cast<std::int64_t>(characters(a.text())));
    case Kind::kBytes:
      return Value::integer(static_cast<std::int64_t>(a.text().size()));
    case Kind::kList:
      return Value::integer(static_cast<std::int64_t>(a.items().size()));
    case Kind::kMap:
      return Value::integer(static_cast<std::int64_t>(a.entries().size()));
    default:
      return frame.no_overload(arguments, count);
  }
}

}  // namespace ciyuan::cel
