#pragma once

/// The calendar of CEL's timestamps: years 1 to 9999, Gregorian throughout. (base/time.h knows the years from
/// 1970 to 2261 only.)

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cel/value.h"

namespace ciyuan::cel {

constexpr std::int64_t kSecondsMin = -62'135'596'800;  ///< 0001-01-01T00:00:00Z
constexpr std::int64_t kSecondsMax = 253'402'300'799;  ///< 9999-12-31T23:59:59Z
constexpr std::int64_t kSecondsOfDay = 86'400;
constexpr std::int64_t kBillion = 1'000'000'000;

struct CivilTime {
  std::int64_t year = 1970;
  int month = 1;  ///< from 1
  int day = 1;    ///< from 1
  int hour = 0;
  int minute = 0;
  int second = 0;
  int weekday = 4;  ///< Sunday is 0
  int yearday = 0;  ///< from 0
};

CivilTime civil_time(std::int64_t seconds);
/// Days since 1970-01-01.
std::int64_t days_of(std::int64_t year, int month, int day);
bool is_leap(std::int64_t year);
int days_in_month(std::int64_t year, int month);

/// RFC 3339, any offset, at most nine decimals. kConversion, or kRange for a time outside the years above.
Value parse_timestamp(std::string_view text);
/// "2026-11-23T08:00:00.5Z"
std::string timestamp_text(std::int64_t seconds, std::uint32_t nanoseconds);

/// "1h30m", "-1.5s", "250ms", "0": kConversion, or kRange outside 64 bits of nanoseconds.
Value parse_duration(std::string_view text);
/// "5400s", "-1.5s"
std::string duration_text(std::int64_t nanoseconds);

}  // namespace ciyuan::cel
