#include "report/forecast.h"

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "contract/limit.h"
#include "report/money.h"
#include "report/papers.h"

namespace ciyuan::report {
namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000, kDayNs = 24 * kHourNs;
constexpr std::size_t kPoolMin = 3;

/// splitmix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t bound) {
    // The modulus is biased by less than 2^-50 for the few days there are.
    return static_cast<std::size_t>(next() % bound);
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

struct Day {
  int weekday = 0;  ///< 0: Monday
  std::array<Amount, 24> hours{};
  Amount total() const {
    Amount sum;
    for (Amount hour : hours) sum += hour;
    return sum;
  }
  /// What came behind this moment of the day; of the hour itself, the part that was left of it.
  Amount after(std::int64_t ns_of_day) const {
    std::size_t hour = static_cast<std::size_t>(ns_of_day / kHourNs);
    Int128 left = kHourNs - ns_of_day % kHourNs;
    // Whole seconds keep the product within 128 bits.
    Amount sum(rounded_quotient(hours[hour].units() * (left / 1'000'000'000), 3600, Rounding::kHalfEven));
    for (std::size_t later = hour + 1; later < 24; ++later) sum += hours[later];
    return sum;
  }
};

int weekday_of(std::int64_t day_number) {
  return static_cast<int>(((day_number + 3) % 7 + 7) % 7);
}  // 1970-01-01: Thursday

bool is_weekend(int weekday) { return weekday >= 5; }

/// The days that stand for each weekday.
using Pools = std::array<std::vector<std::size_t>, 7>;
Pools pools_of(const std::vector<Day>& days) {
  Pools pools;
  for (int weekday = 0; weekday < 7; ++weekday) {
    auto& pool = pools[static_cast<std::size_t>(weekday)];
    auto collect = [&](auto&& belongs) {
      if (pool.size() >= kPoolMin) return;
      pool.clear();
      for (std::size_t i = 0; i < days.size(); ++i)
        if (belongs(days[i])) pool.push_back(i);
    };
    collect([&](const Day& day) { return day.weekday == weekday; });
    collect([&](const Day& day) { return is_weekend(day.weekday) == is_weekend(weekday); });
    collect([](const Day&) { return true; });
  }
  return pools;
}

std::uint64_t seed_of(const std::vector<Day>& days, TimePoint now) {
  Sha256 hash;
  hash.update("ciyuan/forecast/v1");
  hash.update(to_text(Amount(now.ns / kHourNs)));
  for (const Day& day : days)
    for (Amount hour : day.hours) hash.update(to_text(hour) + ",");
  Digest digest = hash.digest();
  std::uint64_t seed = 0;
  for (int i = 0; i < 8; ++i) seed = seed << 8 | digest[static_cast<std::size_t>(i)];
  return seed;
}

}  // namespace

Result<Forecast> forecast(const std::vector<Spent>& spent, TimePoint now, int offset_minutes) {
  WindowEdges month = window_of(now, Window::kMonth, offset_minutes);
  std::int64_t shift = std::int64_t{offset_minutes} * 60 * 1'000'000'000;
  auto day_number = [&](TimePoint at) { return (at.ns + shift) / kDayNs; };
  Forecast result{.from = month.start, .to = month.end, .spent = {}, .expected = {}, .low = {}, .high = {}};

  std::int64_t today = day_number(now), first = today;
  for (const Spent& one : spent)
    if (one.at < now) first = std::min(first, day_number(one.at));
  // The first day of all began somewhere in its middle.
  first = std::max(first + 1, today - kHistoryDaysMax);
  result.history_days = std::max<std::int64_t>(0, today - first);
  if (result.history_days < kHistoryDaysMin)
    return Error{ErrorCode::kRefused,
                 "has " + std::to_string(result.history_days) +
                     " complete days of history; a forecast needs " + std::to_string(kHistoryDaysMin),
                 "forecast"};
  std::vector<Day> days(static_cast<std::size_t>(result.history_days));
  for (std::size_t i = 0; i < days.size(); ++i)
    days[i].weekday = weekday_of(first + static_cast<std::int64_t>(i));
  for (const Spent& one : spent) {
    if (one.at >= now) continue;
    if (one.at >= month.start) result.spent += one.amount;
    std::int64_t day = day_number(one.at);
    if (day < first || day >= today) continue;
    auto hour = static_cast<std::size_t>((one.at.ns + shift) % kDayNs / kHourNs);
    days[static_cast<std::size_t>(day - first)].hours[hour] += one.amount;
  }

  std::vector<Amount> totals;
  for (const Day& day : days) totals.push_back(day.total());
  Pools pools = pools_of(days);
  Random random(seed_of(days, now));
  std::int64_t last = day_number({month.end.ns - 1}), ns_of_day = (now.ns + shift) % kDayNs;
  std::vector<Amount> ends;
  Amount sum;
  for (int draw = 0; draw < kDraws; ++draw) {
    Pools redrawn;
    for (std::size_t weekday = 0; weekday < 7; ++weekday)
      for (std::size_t i = 0; i < pools[weekday].size(); ++i)
        redrawn[weekday].push_back(pools[weekday][random.below(pools[weekday].size())]);
    auto pick = [&](std::int64_t day) {
      const auto& pool = redrawn[static_cast<std::size_t>(weekday_of(day))];
      return pool[random.below(pool.size())];
    };
    Amount end = result.spent + days[pick(today)].after(ns_of_day);
    for (std::int64_t day = today + 1; day <= last; ++day) end += totals[pick(day)];
    ends.push_back(end);
    sum += end;
  }
  std::sort(ends.begin(), ends.end());
  constexpr std::size_t kTail = kDraws * (100 - kIntervalPercent) / 200;
  result.expected = Amount(rounded_quotient(sum.units(), kDraws, Rounding::kHalfEven));
  result.low = ends[kTail];
  result.high = ends[ends.size() - 1 - kTail];
  return result;
}

Result<std::vector<Spent>> spending_of(store::Reader& reader, const RecordQuery& query,
                                       const std::string& unit) {
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(reader));
  std::vector<Spent> spent;
  CIYUAN_TRY_STATUS(for_each_effective(reader, query, [&](const Json& record, int sign, bool) -> Status {
    CIYUAN_TRY(TimePoint closed, parse_rfc3339(text_at(record.at("times"), "closed")));
    // What is taken back in this span was spent before it: it lowers the first day.
    Spent one{std::max(closed, query.from), {}};
    CIYUAN_TRY(one.amount, amount_in(record, unit));
    if (sign < 0) one.amount = -one.amount;
    if (!one.amount.is_zero()) spent.push_back(one);
    return {};
  }));
  return spent;
}

Result<Json> contract_forecast(store::Reader& reader, const std::string& contract, const std::string& unit,
                               TimePoint now) {
  CIYUAN_TRY(contract::Document document, newest_document(reader, "Contract", contract));
  CIYUAN_TRY(SettlementTerms terms, settlement_terms(reader, document));
  std::string counted = unit.empty() ? terms.currency : unit;
  if (counted.empty()) counted = "CIYUAN";
  if (counted != "CIYUAN" && counted != terms.currency)
    return invalid(
        "unit", "\"" + counted.substr(0, 20) + "\" is neither CIYUAN nor the price book's " + terms.currency);
  TimePoint month = window_of(now, Window::kMonth, terms.offset_minutes).start;
  TimePoint from = std::min(month, days_after(now, -kHistoryDaysMax - 1));
  RecordQuery query{.contract = contract, .key = "", .model = "", .from = from, .to = now};
  CIYUAN_TRY(std::vector<Spent> spent, spending_of(reader, query, counted));
  CIYUAN_TRY(Forecast seen, forecast(spent, now, terms.offset_minutes));
  int scale = contract::scale_of_unit(counted);
  auto text = [&](Amount amount) { return format_decimal(amount, scale); };
  return Json{{"contract", contract},
              {"unit", counted},
              {"from", to_rfc3339(seen.from)},
              {"to", to_rfc3339(seen.to)},
              {"spent", text(seen.spent)},
              {"expected", text(seen.expected)},
              {"low", text(seen.low)},
              {"high", text(seen.high)},
              {"interval_percent", kIntervalPercent},
              {"method", "weekday double bootstrap of the last 8 weeks, 2000 draws"},
              {"history_days", seen.history_days}};
}

}  // namespace ciyuan::report
