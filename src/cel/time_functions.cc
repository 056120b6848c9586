// Parts of a timestamp, in UTC or in a time zone that compilation has prepared; and of a duration.

#include "cel/internal/civil_time.h"
#include "cel/internal/library.h"
#include "cel/internal/time_zone.h"

namespace ciyuan::cel {

namespace {

/// `part` of the civil time of the first argument.
template <class Part>
Value of_time(Frame& frame, const Value* arguments, std::size_t count, Part part) {
  if (!arguments[0].is(Kind::kTimestamp) || (count == 2 && !frame.code->prepared)) {
    return frame.no_overload(arguments, count);
  }
  std::int64_t seconds = arguments[0].seconds();
  if (count == 2) seconds += static_cast<const TimeZone*>(frame.code->prepared)->offset_at(seconds);
  return Value::integer(part(civil_time(seconds)));
}

/// The whole of a duration in units of so many nanoseconds, or `part` of a timestamp.
template <class Part>
Value of_span_or_time(Frame& frame, const Value* arguments, std::size_t count, std::int64_t unit, Part part) {
  if (count == 1 && arguments[0].is(Kind::kDuration)) return Value::integer(arguments[0].integer() / unit);
  return of_time(frame, arguments, count, part);
}

}  // namespace

Value full_year(Frame& frame, const Value* arguments, std::size_t count) {
  return of_time(frame, arguments, count, [](const CivilTime& time) { return time.year; });
}
Value month(Frame& frame, const Value* arguments, std::size_t count) {
  return of_time(frame, arguments, count, [](const CivilTime& time) { return time.month - 1; });
}
Value date(Frame& frame, const Value* arguments, std::size_t count) {
  return of_time(frame, arguments, count, [](const CivilTime& time) { return time.day; });
}
Value day_of_month(Frame& frame, const Value* arguments, std::size_t count) {
  return of_time(frame, arguments, count, [](const CivilTime& time) { return time.day - 1; });
}
Value day_of_week(Frame& frame, const Value* arguments, std::size_t count) {
  return of_time(frame, arguments, count, [](const CivilTime& time) { return time.weekday; });
}
Value day_of_year(Frame& frame, const Value* arguments, std::size_t count) {
  return of_time(frame, arguments, count, [](const CivilTime& time) { return time.yearday; });
}
Value hours(Frame& frame, const Value* arguments, std::size_t count) {
  return of_span_or_time(frame, arguments, count, 3600 * kBillion,
                         [](const CivilTime& time) { return time.hour; });
}
Value minutes(Frame& frame, const Value* arguments, std::size_t count) {
  return of_span_or_time(frame, arguments, count, 60 * kBillion,
                         [](const CivilTime& time) { return time.minute; });
}
Value seconds_of(Frame& frame, const Value* arguments, std::size_t count) {
  return of_span_or_time(frame, arguments, count, kBillion,
                         [](const CivilTime& time) { return time.second; });
}
Value milliseconds_of(Frame& frame, const Value* arguments, std::size_t count) {
  if (count == 1 && arguments[0].is(Kind::kDuration))
    return Value::integer(arguments[0].integer() % kBillion / 1'000'000);
  if (!arguments[0].is(Kind::kTimestamp)) return frame.no_overload(arguments, count);
  return Value::integer(arguments[0].nanoseconds() / 1'000'000);
}

}  // namespace ciyuan::cel
