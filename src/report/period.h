#pragma once

/// Periods of papers: half-open spans of UTC that a calendar at some offset calls a month, a day or a year.
///
///   parse_period("2026-11", 480)   // from 2026-10-31T16:00:00Z, to 2026-11-30T16:00:00Z: November in
///   Beijing

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace ciyuan::report {

struct Period {
  TimePoint from, to;      ///< half open
  int offset_minutes = 0;  ///< of the calendar it was named in
  std::string name;        ///< "2026-11", or "2026-11-05..2026-11-12"
};

/// "2026", "2026-11", "2026-11-05", or two moments "A..B" (dates of that calendar, or RFC 3339 times), the
/// second not included. kInvalid names the value and the rule.
Result<Period> parse_period(std::string_view text, int offset_minutes);

/// "2026-11-05" in that calendar; with the time "2026-11-05 09:30".
std::string date_text(TimePoint time, int offset_minutes);
std::string minute_text(TimePoint time, int offset_minutes);
/// "+08:00"; "UTC" for none.
std::string offset_text(int offset_minutes);
TimePoint days_after(TimePoint time, std::int64_t days);

}  // namespace ciyuan::report
