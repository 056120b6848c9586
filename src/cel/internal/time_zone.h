#pragma once

/// Local time: a fixed offset, "UTC", or a place of the IANA time zone database, read when an expression is
/// compiled from the system's compiled files (RFC 8536, TZif) and kept by the program.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::cel {

/// A time of the year at which summer time begins or ends: the rest of a POSIX TZ rule.
struct YearDay {
  enum class Form : std::uint8_t { kWeekday, kJulian, kDay } form = Form::kWeekday;
  int month = 1, week = 1, weekday = 0;  ///< kWeekday: the week-th weekday of the month, 5 for the last
  int day = 0;                           ///< kJulian: from 1, 29 February not counted; kDay: from 0
  std::int64_t second = 7200;            ///< of that day; may be under 0 or over a day
  /// Seconds since 1970, on the clock before the change.
  std::int64_t at(std::int64_t year) const;
};

class TimeZone {
 public:
  static Result<TimeZone> named(std::string_view name);
  /// From the bytes of a TZif file; kCorrupt says what is wrong with them.
  static Result<TimeZone> parse(std::string_view file);

  /// Seconds east of UTC at that time.
  std::int64_t offset_at(std::int64_t seconds) const;

 private:
  std::int64_t offset_by_rule(std::int64_t seconds) const;

  struct Change {
    std::int64_t at;
    std::int64_t offset;
  };
  std::int64_t first_offset_ = 0;
  std::vector<Change> changes_;
  // After the last change:
  std::int64_t standard_ = 0;
  std::int64_t summer_ = 0;
  bool has_rule_ = false;
  bool has_summer_ = false;
  YearDay begin_, end_;

  friend class RuleParser;
};

}  // namespace ciyuan::cel
