#pragma once

/// Points in time and spans, in nanoseconds; text is RFC 3339 in UTC. The clerk never reads a clock: time
/// comes to it in each command, and only the edges of the program call now().

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan {

struct Nanoseconds {
  std::int64_t count = 0;
  constexpr auto operator<=>(const Nanoseconds&) const = default;
};
constexpr Nanoseconds seconds(std::int64_t n) { return {n * 1'000'000'000}; }
constexpr Nanoseconds milliseconds(std::int64_t n) { return {n * 1'000'000}; }

/// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX). 0 stands for "not happened".
struct TimePoint {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const TimePoint&) const = default;
  constexpr TimePoint operator+(Nanoseconds span) const { return {ns + span.count}; }
  constexpr Nanoseconds operator-(TimePoint other) const { return {ns - other.ns}; }
};

/// The system's clock. It may jump back: nothing that orders events may rely on it.
TimePoint now();

/// "2026-11-23T08:00:00.123456789Z"; the fraction is left out where it is zero.
std::string to_rfc3339(TimePoint time);
/// Any offset ("Z", "+08:00"), at most nine decimals; years 1970 to 2261.
Result<TimePoint> parse_rfc3339(std::string_view text);

/// The calendar window, in UTC plus `offset_minutes`, that holds `time`: its first instant, and the next
/// one's.
enum class Window { kMinute, kHour, kDay, kMonth };
struct WindowEdges {
  TimePoint start;
  TimePoint end;
};
WindowEdges window_of(TimePoint time, Window window, int offset_minutes = 0);

}  // namespace ciyuan
