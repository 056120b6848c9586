#include "report/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace ciyuan::report {
namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;

// A month's end that is known, and what was seen of it: weekdays and hours have their profile, days their
// luck.
struct Series {
  std::vector<Spent> spent;
  TimePoint now;
  Amount end;
};
Series made_series(std::uint64_t seed, int history_days, double spread) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> luck(0, spread);
  Series series;
  TimePoint month = parse_rfc3339("2026-09-01T00:00:00Z").value();
  series.now = {month.ns + static_cast<std::int64_t>(4 + random() % 20) * 24 * kHourNs + 10 * kHourNs};
  TimePoint first{series.now.ns - 10 * kHourNs - (history_days + 1) * 24 * kHourNs};
  TimePoint end = window_of(month, Window::kMonth).end;
  for (std::int64_t day = first.ns; day < end.ns; day += 24 * kHourNs) {
    int weekday = static_cast<int>((day / (24 * kHourNs) + 3) % 7);
    double of_day = luck(random) * (weekday >= 5 ? 0.3 : 1.0) * 1e12;
    for (int hour = 0; hour < 24; ++hour) {
      double share = hour >= 8 && hour < 20 ? 7.0 / 96 : 1.0 / 96;
      Spent one{{day + hour * kHourNs + kHourNs / 2}, Amount(static_cast<std::int64_t>(of_day * share))};
      if (one.at >= month) series.end += one.amount;
      if (one.at < series.now) series.spent.push_back(one);
    }
  }
  return series;
}

TEST(Forecast, its_interval_holds_the_months_end_as_often_as_it_says) {
  for (double spread : {0.2, 0.6}) {
    int held = 0, below = 0, rounds = 400;
    for (int i = 0; i < rounds; ++i) {
      Series series = made_series(static_cast<std::uint64_t>(i), 56, spread);
      Forecast seen = forecast(series.spent, series.now, 0).value();
      held += series.end >= seen.low && series.end <= seen.high ? 1 : 0;
      below += series.end < seen.expected ? 1 : 0;
    }
    // Four standard errors about 80 in 100, and about half on either side of the middle.
    EXPECT_NEAR(held, rounds * 0.80, 4 * std::sqrt(rounds * 0.8 * 0.2)) << spread;
    EXPECT_NEAR(below, rounds * 0.53, 0.12 * rounds) << spread;
  }
}

TEST(Forecast, the_same_history_gives_the_same_forecast_in_any_order) {
  Series series = made_series(3, 40, 0.5);
  Forecast once = forecast(series.spent, series.now, 0).value();
  std::reverse(series.spent.begin(), series.spent.end());
  Forecast again = forecast(series.spent, series.now, 0).value();
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.expected, again.expected);
  EXPECT_EQ(once.high, again.high);
}

TEST(Forecast, a_use_that_never_changes_is_told_exactly) {
  std::vector<Spent> spent;
  TimePoint now = parse_rfc3339("2026-11-11T00:00:00Z").value();
  for (std::int64_t day = 1; day <= 30; ++day)
    spent.push_back({{now.ns - day * 24 * kHourNs + kHourNs}, Amount(100)});
  Forecast seen = forecast(spent, now, 0).value();
  EXPECT_EQ(seen.spent, Amount(1000));
  EXPECT_EQ(seen.expected, Amount(3000));
  EXPECT_EQ(seen.low, Amount(3000));
  EXPECT_EQ(seen.high, Amount(3000));
}

TEST(Forecast, the_last_moment_of_the_month_is_what_was_spent) {
  std::vector<Spent> spent;
  TimePoint now{parse_rfc3339("2026-12-01T00:00:00Z")->ns - 1};
  for (std::int64_t day = 0; day < 30; ++day)
    spent.push_back({{now.ns - day * 24 * kHourNs - kHourNs}, Amount(100)});
  Forecast seen = forecast(spent, now, 0).value();
  EXPECT_EQ(seen.low, seen.spent);
  EXPECT_EQ(seen.high, seen.spent);
}

TEST(Forecast, refuses_to_guess_from_less_than_a_week) {
  TimePoint now = parse_rfc3339("2026-11-11T12:00:00Z").value();
  EXPECT_EQ(forecast({}, now, 0).error().code, ErrorCode::kRefused);
  std::vector<Spent> spent = {{{now.ns - 7 * 24 * kHourNs}, Amount(5)}};
  EXPECT_NE(forecast(spent, now, 0).error().message.find("6 complete days"), std::string::npos);
  spent.push_back({{now.ns - 8 * 24 * kHourNs}, Amount(5)});
  EXPECT_TRUE(forecast(spent, now, 0).ok());
}

}  // namespace
}  // namespace ciyuan::report
