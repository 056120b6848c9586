// From one type to another, and base64. What the target cannot hold is an error.

#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "cel/internal/civil_time.h"
#include "cel/internal/library.h"
#include "cel/internal/number.h"

namespace ciyuan::cel {

namespace {

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

/// The whole text as a decimal number.
template <class Number>
std::optional<Number> whole_number(std::string_view text, bool& out_of_range) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return {};
  }
  Number found = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), found);
  out_of_range = failure == std::errc::result_out_of_range;
  if (failure != std::errc() || end != text.data() + text.size()) return {};
  return found;
}

template <class Number>
Value number_of(Frame& frame, std::string_view text, Value (*make)(Number)) {
  if (!frame.spend(steps_of_bytes(text.size()))) return frame.exhausted();
  bool out_of_range = false;
  const std::optional<Number> found = whole_number<Number>(text, out_of_range);
  if (found) return make(*found);
  return frame.fail(out_of_range ? Fault::kRange : Fault::kConversion);
}

/// The same error, at the code that runs.
Value placed(const Frame& frame, const Value& made) {
  return made.is_error() ? frame.fail(made.fault()) : made;
}

}  // namespace

Value to_bool(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kBool)) return a;
  if (!a.is(Kind::kString)) return frame.no_overload(arguments, count);
  for (const std::string_view yes : {"true", "TRUE", "True", "t", "1"}) {
    if (a.text() == yes) return Value::boolean(true);
  }
  for (const std::string_view no : {"false", "FALSE", "False", "f", "0"}) {
    if (a.text() == no) return Value::boolean(false);
  }
  return frame.fail(Fault::kConversion);
}

Value to_int(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  switch (a.kind()) {
    case Kind::kInt:
      return a;
    case Kind::kUint:
      return a.unsigned_integer() > INT64_MAX ? frame.fail(Fault::kRange) : Value::integer(a.integer());
    case Kind::kDouble:
      // Both ends are out: the specification leaves no room for what rounding made of them.
      if (!(a.real() > -kTwo63 && a.real() < kTwo63)) return frame.fail(Fault::kRange);
      return Value::integer(static_cast<std::int64_t>(a.real()));
    case Kind::kString:
      return number_of<std::int64_t>(frame, a.text(), Value::integer);
    case Kind::kTimestamp:
      return Value::integer(a.seconds());
    default:
      return frame.no_overload(arguments, count);
  }
}

Value to_uint(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  switch (a.kind()) {
    case Kind::kUint:
      return a;
    case Kind::kInt:
      return a.integer() < 0 ? frame.fail(Fault::kRange) : Value::unsigned_integer(a.unsigned_integer());
    case Kind::kDouble:
      if (!(a.real() >= 0 && a.real() < kTwo64)) return frame.fail(Fault::kRange);
      return Value::unsigned_integer(static_cast<std::uint64_t>(a.real()));
    case Kind::kString:
      return number_of<std::uint64_t>(frame, a.text(), Value::unsigned_integer);
    default:
      return frame.no_overload(arguments, count);
  }
}

Value to_double(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  switch (a.kind()) {
    case Kind::kDouble:
      return a;
    case Kind::kInt:
      return Value::real(static_cast<double>(a.integer()));
    case Kind::kUint:
      return Value::real(static_cast<double>(a.unsigned_integer()));
    case Kind::kString: {
      if (!frame.spend(steps_of_bytes(a.text().size()))) return frame.exhausted();
      const std::optional<double> found = parse_double(a.text());
      return found ? Value::real(*found) : frame.fail(Fault::kConversion);
    }
    default:
      return frame.no_overload(arguments, count);
  }
}

Value to_string(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  switch (a.kind()) {
    case Kind::kString:
      return a;
    case Kind::kBool:
      return Value::string(a.boolean() ? "true" : "false");
    case Kind::kInt:
      return frame.make_string(std::to_string(a.integer()));
    case Kind::kUint:
      return frame.make_string(std::to_string(a.unsigned_integer()));
    case Kind::kDouble:
      return frame.make_string(double_text(a.real()));
    case Kind::kTimestamp:
      return frame.make_string(timestamp_text(a.seconds(), a.nanoseconds()));
    case Kind::kDuration:
      return frame.make_string(duration_text(a.integer()));
    case Kind::kBytes:
      if (!frame.spend(steps_of_bytes(a.text().size()))) return frame.exhausted();
      return is_utf8(a.text()) ? Value::string(a.text()) : frame.fail(Fault::kNotUtf8);
    default:
      return frame.no_overload(arguments, count);
  }
}

Value to_bytes(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kBytes)) return a;
  return a.is(Kind::kString) ? Value::bytes(a.text()) : frame.no_overload(arguments, count);
}

Value to_dyn(Frame&, const Value* arguments, std::size_t) { return arguments[0]; }
Value to_type(Frame&, const Value* arguments, std::size_t) { return Value::type(arguments[0].kind()); }

Value to_timestamp(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kTimestamp)) return a;
  if (a.is(Kind::kInt)) {
    const bool possible = a.integer() >= kSecondsMin && a.integer() <= kSecondsMax;
    return possible ? Value::timestamp(a.integer(), 0) : frame.fail(Fault::kRange);
  }
  if (!a.is(Kind::kString)) return frame.no_overload(arguments, count);
  return placed(frame, parse_timestamp(a.text()));
}

Value to_duration(Frame& frame, const Value* arguments, std::size_t count) {
  const Value& a = arguments[0];
  if (a.is(Kind::kDuration)) return a;
  if (!a.is(Kind::kString)) return frame.no_overload(arguments, count);
  if (!frame.spend(steps_of_bytes(a.text().size()))) return frame.exhausted();
  return placed(frame, parse_duration(a.text()));
}

Value base64_encode(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kBytes)) return frame.no_overload(arguments, count);
  if (!frame.spend(steps_of_bytes(arguments[0].text().size()))) return frame.exhausted();
  return frame.make_string(to_base64(bytes_of(arguments[0].text())));
}

Value base64_decode(Frame& frame, const Value* arguments, std::size_t count) {
  if (!arguments[0].is(Kind::kString)) return frame.no_overload(arguments, count);
  std::string text(arguments[0].text());
  if (!frame.spend(steps_of_bytes(text.size()))) return frame.exhausted();
  while (text.size() % 4 != 0) text.push_back('=');  // padding may be left out
  const Result<Bytes> made = from_base64(text);
  return made.ok() ? frame.make_string(text_of(*made), Kind::kBytes) : frame.fail(Fault::kConversion);
}

}  // namespace ciyuan::cel
