#pragma once

/// What a calendar month will have cost, from what the last eight weeks did: a seasonal bootstrap in whole
/// numbers, so that the same history gives the same forecast on any machine.
///
/// Each rest of the month is made of days that were: for every day to come one of the past days of the same
/// weekday is drawn, and for the rest of today the late hours of one. Two thousand such months make the
/// distribution. Before each, the past days themselves are drawn with replacement, so that a short history
/// widens the interval (a double bootstrap). Where a weekday was seen fewer than three times, working days or
/// weekends stand for each other, then all days.
///
/// It knows no trend and no holidays: growth shows only as far as the eight weeks have it. The interval holds
/// the month's end in 80 of 100 months that are like the past ones (the tests try it on 400 made ones).

#include <string>
#include <vector>

#include "base/json.h"
#include "report/usage.h"

namespace ciyuan::report {

constexpr std::int64_t kHistoryDaysMax = 56;
constexpr std::int64_t kHistoryDaysMin = 7;  ///< complete ones; fewer are refused
constexpr int kDraws = 2000;
constexpr int kIntervalPercent = 80;

/// One charge, or a part of one that is taken back.
struct Spent {
  TimePoint at;
  Amount amount;
};

struct Forecast {
  TimePoint from, to;  ///< the month
  Amount spent;        ///< so far
  Amount expected, low, high;
  std::int64_t history_days = 0;
};
/// `spent` in any order, of at least the month so far; what is not before `now` does not count. kRefused: too
/// little history.
Result<Forecast> forecast(const std::vector<Spent>& spent, TimePoint now, int offset_minutes);

/// What was spent since `from`, in "CIYUAN" or a currency, by the contract, its key or a model.
Result<std::vector<Spent>> spending_of(store::Reader& reader, const RecordQuery& query,
                                       const std::string& unit);

/// {"contract", "unit", "from", "to", "spent", "expected", "low", "high", "interval_percent", "method",
/// "history_days"}. Unit empty: the price book's currency.
Result<Json> contract_forecast(store::Reader& reader, const std::string& contract, const std::string& unit,
                               TimePoint now);

}  // namespace ciyuan::report
