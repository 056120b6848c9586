#include "base/rounding.h"

#include <gtest/gtest.h>

#include <random>

namespace ciyuan {
namespace {

TEST(Rounding, takes_the_whole_number_that_the_rule_says) {
  struct Case {
    int numerator, divisor, half_even, half_up, up, down;
  };
  for (const Case& one : {Case{7, 2, 4, 4, 4, 3}, Case{5, 2, 2, 3, 3, 2}, Case{-5, 2, -2, -3, -3, -2},
                          Case{-7, 2, -4, -4, -4, -3}, Case{7, 3, 2, 2, 3, 2}, Case{-8, 3, -3, -3, -3, -2},
                          Case{6, 3, 2, 2, 2, 2}, Case{1, 1000, 0, 0, 1, 0}}) {
    auto rounded = [&](Rounding rule) {
      return static_cast<int>(rounded_quotient(one.numerator, one.divisor, rule));
    };
    EXPECT_EQ(rounded(Rounding::kHalfEven), one.half_even) << one.numerator;
    EXPECT_EQ(rounded(Rounding::kHalfUp), one.half_up) << one.numerator;
    EXPECT_EQ(rounded(Rounding::kUp), one.up) << one.numerator;
    EXPECT_EQ(rounded(Rounding::kDown), one.down) << one.numerator;
  }
}

TEST(Rounding, holds_to_the_end_of_128_bits) {
  const Int128 divisor = (Int128{1} << 126) + 1;
  EXPECT_EQ(static_cast<int>(rounded_quotient(divisor - 1, divisor, Rounding::kHalfUp)), 1);
  EXPECT_EQ(static_cast<int>(rounded_quotient(divisor / 2, divisor, Rounding::kHalfUp)), 0);
}

TEST(Rounding, says_a_difference_in_hundredths_of_a_percent) {
  auto between = [](std::int64_t from, std::int64_t to) {
    const auto found = difference_of_percent(Amount(from), Amount(to));
    return found ? to_text(*found) : "none";
  };
  EXPECT_EQ(between(165, 360), "11818") << "195 of 165 is 118.1818 %";
  EXPECT_EQ(between(200, 199), "-50");
  EXPECT_EQ(between(80'000, 80'001), "0");
  EXPECT_EQ(between(20'000, 20'001), "1") << "half a hundredth, up";
  EXPECT_EQ(between(20'000, 19'999), "-1") << "and away from zero below it";
  EXPECT_EQ(between(-200, -100), "-5000") << "of −200, half is gone";
  EXPECT_EQ(between(0, 5), "none");
  EXPECT_FALSE(difference_of_percent(Amount(1), Amount(Int128{1} << 125)));
}

}  // namespace
}  // namespace ciyuan
