#include "report/money.h"

#include <gtest/gtest.h>

#include <random>

#include "report/period.h"

namespace ciyuan::report {
namespace {

Amount money(const std::string& text) { return parse_decimal(text, 12).value(); }

// The slow twin: the exact decimal text, cut by hand.
std::string rounded_by_hand(Int128 hundredths_of_units, Rounding rounding) {
  bool negative = hundredths_of_units < 0;
  Int128 size = negative ? -hundredths_of_units : hundredths_of_units;
  Int128 whole = size / 100, rest = size % 100;
  bool away = false;
  if (rounding == Rounding::kUp) away = rest > 0;
  if (rounding == Rounding::kHalfUp) away = rest >= 50;
  if (rounding == Rounding::kHalfEven) away = rest > 50 || (rest == 50 && whole % 2 == 1);
  whole += away ? 1 : 0;
  return to_text(Amount(negative ? -whole : whole));
}

TEST(Money, rounds_as_the_rule_written_by_hand_does) {
  for (int value = -1000; value <= 1000; ++value)
    for (Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfUp, Rounding::kUp, Rounding::kDown})
      EXPECT_EQ(to_text(Amount(rounded_quotient(value, 100, rounding))), rounded_by_hand(value, rounding))
          << value << " " << name_of(rounding);
}

TEST(Money, a_rounded_amount_is_less_than_one_step_away_and_stays_when_rounded_again) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    Amount amount(static_cast<std::int64_t>(random()));
    int decimals = static_cast<int>(random() % 5);
    Int128 step = 1;
    for (int k = decimals; k < 12; ++k) step *= 10;
    for (Rounding rounding : {Rounding::kHalfEven, Rounding::kHalfUp, Rounding::kUp, Rounding::kDown}) {
      Amount whole = rounded(amount, decimals, rounding);
      Int128 off = (whole - amount).units();
      EXPECT_LT(off < 0 ? -off : off, step);
      EXPECT_EQ(rounded(whole, decimals, rounding), whole);
      EXPECT_EQ(whole.units() % step, 0);
    }
  }
}

TEST(Money, knows_the_minor_unit_of_a_currency) {
  EXPECT_EQ(minor_decimals("CNY"), 2);
  EXPECT_EQ(minor_decimals("JPY"), 0);
  EXPECT_EQ(minor_decimals("KWD"), 3);
}

TEST(Money, takes_a_percentage_and_converts_with_one_rounding_each) {
  EXPECT_EQ(percent_of(money("10.05"), Amount(60'000), 2, Rounding::kHalfEven).value(), money("0.6"));
  EXPECT_EQ(percent_of(money("10.25"), Amount(60'000), 2, Rounding::kHalfEven).value(), money("0.62"));
  EXPECT_EQ(percent_of(money("10.25"), Amount(60'000), 2, Rounding::kUp).value(), money("0.62"));
  EXPECT_EQ(converted(money("100"), parse_decimal("0.1404", 12).value(), 2, Rounding::kHalfEven).value(),
            money("14.04"));
  EXPECT_EQ(converted(money("1.005"), parse_decimal("1", 12).value(), 2, Rounding::kHalfUp).value(),
            money("1.01"));
  EXPECT_EQ(converted(money("100000000000000000000"), parse_decimal("123456.789012345678", 12).value(), 2,
                      Rounding::kUp)
                .error()
                .code,
            ErrorCode::kTooLarge);
}

TEST(Money, is_written_with_all_decimals_of_its_unit) {
  EXPECT_EQ(money_text(money("1234567.5"), 2), "1234567.50");
  EXPECT_EQ(money_text(money("1234567.5"), 2, true), "1,234,567.50");
  EXPECT_EQ(money_text(money("-1234"), 0, true), "-1,234");
  EXPECT_EQ(grouped("-123"), "-123");
  EXPECT_EQ(grouped("123456.123456"), "123,456.123456");
}

TEST(Period, a_month_begins_where_the_calendar_of_the_contract_says) {
  Period period = parse_period("2026-11", 480).value();
  EXPECT_EQ(to_rfc3339(period.from), "2026-10-31T16:00:00Z");
  EXPECT_EQ(to_rfc3339(period.to), "2026-11-30T16:00:00Z");
  period = parse_period("2026", 0).value();
  EXPECT_EQ(to_rfc3339(period.to), "2027-01-01T00:00:00Z");
  period = parse_period("2024-02-29", -300).value();
  EXPECT_EQ(to_rfc3339(period.from), "2024-02-29T05:00:00Z");
  EXPECT_EQ(to_rfc3339(period.to), "2024-03-01T05:00:00Z");
  period = parse_period("2026-11-01..2026-11-03T12:00:00Z", 480).value();
  EXPECT_EQ(to_rfc3339(period.from), "2026-10-31T16:00:00Z");
  EXPECT_EQ(to_rfc3339(period.to), "2026-11-03T12:00:00Z");
}

TEST(Period, refuses_what_is_none_by_its_value) {
  for (const char* text : {"", "26-11", "2026-13", "2026-11-31", "2026-1", "november",
                           "2026-11-05..2026-11-05", "2026-11-05..2026-11-01", "..", "2026-11-05.."}) {
    Result<Period> period = parse_period(text, 0);
    ASSERT_FALSE(period.ok()) << text;
    EXPECT_EQ(period.error().path, "period");
    EXPECT_NE(period.error().message.find("\"" + std::string(text) + "\""), std::string::npos)
        << period.error().message;
  }
}

}  // namespace
}  // namespace ciyuan::report
