// The math extension: math.greatest, math.least, rounding, signs, bits.

#include <algorithm>
#include <cmath>

#include "cel/internal/compare.h"
#include "cel/internal/library.h"

namespace ciyuan::cel {

namespace {

/// The first of the greatest (direction 1) or least (-1) of the arguments, or of the items of one list.
Value extreme(Frame& frame, const Value* arguments, std::size_t count, int direction) {
  std::span<const Value> numbers(arguments, count);
  if (count == 1 && arguments[0].is(Kind::kList)) {
    numbers = arguments[0].items();
    if (!frame.spend(numbers.size())) return frame.exhausted();
  }
  if (numbers.empty()) return frame.fail(Fault::kArgument);
  const Value* best = nullptr;
  for (const Value& number : numbers) {
    if (!number.is_number()) return frame.no_overload(&number, 1);
    if (!best) {
      best = &number;
      continue;
    }
    const std::partial_ordering order = compare_numbers(number, *best);
    if (direction > 0 ? order > 0 : order < 0) best = &number;
  }
  return *best;
}

template <class Change>
Value change_double(Frame& frame, const Value* arguments, std::size_t count, Change change) {
  return arguments[0].is(Kind::kDouble) ? change(arguments[0].real()) : frame.no_overload(arguments, count);
}

template <class Combine>
Value combine_bits(Frame& frame, const Value* arguments, std::size_t count, Combine combine) {
  const bool ints = arguments[0].is(Kind::kInt) && arguments[1].is(Kind::kInt);
  if (!ints && !(arguments[0].is(Kind::kUint) && arguments[1].is(Kind::kUint)))
    return frame.no_overload(arguments, count);
  const std::uint64_t made = combine(arguments[0].unsigned_integer(), arguments[1].unsigned_integer());
  return ints ? Value::integer(static_cast<std::int64_t>(made)) : Value::unsigned_integer(made);
}

template <class Shift>
Value shift(Frame& frame, const Value* arguments, std::size_t count, Shift by) {
  const bool is_int = arguments[0].is(Kind::kInt);
  if ((!is_int && !arguments[0].is(Kind::kUint)) || !arguments[1].is(Kind::kInt))
    return frame.no_overload(arguments, count);
  const std::int64_t places = arguments[1].integer();
  if (places < 0) return frame.fail(Fault::kArgument);
  // By 64 and more nothing is left; the processor would take the number modulo 64. The sign is not kept.
  const std::uint64_t made = places > 63 ? 0 : by(arguments[0].unsigned_integer(), places);
  return is_int ? Value::integer(static_cast<std::int64_t>(made)) : Value::unsigned_integer(made);
}

}  // namespace

Value greatest(Frame& frame, const Value* arguments, std::size_t count) {
  return extreme(frame, arguments, count, 1);
}
Value least(Frame& frame, const Value* arguments, std::size_t count) {
  return extreme(frame, arguments, count, -1);
}

Value ceil(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::real(std::ceil(x)); });
}
Value floor(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::real(std::floor(x)); });
}
Value round(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::real(std::round(x)); });
}
Value trunc(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::real(std::trunc(x)); });
}
Value is_nan(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::boolean(std::isnan(x)); });
}
Value is_infinite(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::boolean(std::isinf(x)); });
}
Value is_finite(Frame& frame, const Value* arguments, std::size_t count) {
  return change_double(frame, arguments, count, [](double x) { return Value::boolean(std::isfinite(x)); });
}

Value square_root(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kInt)) return Value::real(std::sqrt(static_cast<double>(a.integer())));
  if (a.is(Kind::kUint)) return Value::real(std::sqrt(static_cast<double>(a.unsigned_integer())));
  return change_double(frame, arguments, count, [](double x) { return Value::real(std::sqrt(x)); });
}

Value absolute(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kDouble)) return Value::real(std::fabs(a.real()));
  if (a.is(Kind::kUint)) return a;
  if (!a.is(Kind::kInt)) return frame.no_overload(arguments, count);
  if (a.integer() == INT64_MIN) return frame.fail(Fault::kOverflow);
  return Value::integer(a.integer() < 0 ? -a.integer() : a.integer());
}

Value sign(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kInt)) return Value::integer((a.integer() > 0) - (a.integer() < 0));
  if (a.is(Kind::kUint)) return Value::unsigned_integer(a.unsigned_integer() > 0 ? 1 : 0);
  return change_double(frame, arguments, count, [](double x) {
    return Value::real(x > 0 ? 1 : x < 0 ? -1 : x);
  });
}

Value bit_and(Frame& frame, const Value* arguments, std::size_t count) {
  return combine_bits(frame, arguments, count, [](std::uint64_t a, std::uint64_t b) { return a & b; });
}
Value bit_or(Frame& frame, const Value* arguments, std::size_t count) {
  return combine_bits(frame, arguments, count, [](std::uint64_t a, std::uint64_t b) { return a | b; });
}
Value bit_xor(Frame& frame, const Value* arguments, std::size_t count) {
  return combine_bits(frame, arguments, count, [](std::uint64_t a, std::uint64_t b) { return a ^ b; });
}
Value bit_not(Frame& frame, const Value* arguments, std::size_t count) {
  if (arguments[0].is(Kind::kInt)) return Value::integer(~arguments[0].integer());
  if (arguments[0].is(Kind::kUint)) return Value::unsigned_integer(~arguments[0].unsigned_integer());
  return frame.no_overload(arguments, count);
}
Value shift_left(Frame& frame, const Value* arguments, std::size_t count) {
  return shift(frame, arguments, count,
               [](std::uint64_t number, std::int64_t places) { return number << places; });
}
Value shift_right(Frame& frame, const Value* arguments, std::size_t count) {
  return shift(frame, arguments, count,
               [](std::uint64_t number, std::int64_t places) { return number >> places; });
}

}  // namespace ciyuan::cel
