#include "base/amount.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ciyuan {
namespace {

TEST(Amount, reads_and_prints_decimals_of_a_scale) {
  EXPECT_EQ(parse_decimal("2.50", 6).value(), Amount(2'500'000));
  EXPECT_EQ(parse_decimal("-0.000001", 6).value(), Amount(-1));
  EXPECT_EQ(format_decimal(Amount(2'500'000), 6), "2.5");
  EXPECT_EQ(format_decimal(Amount(-1), 6), "-0.000001");
  EXPECT_EQ(format_decimal(Amount(42), 0), "42");
}

TEST(Amount, refuses_what_it_would_have_to_round_or_guess) {
  for (const char* text : {"", "-", ".5", "1.", "1e3", "+1", "01", "1.0000001", "0x10", "1,000", "NaN", " 1",
                           "10000000000000000000000000000000000000"}) {
    auto parsed = parse_decimal(text, 6);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
  }
}

TEST(Amount, what_it_prints_it_reads_back) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 10'000; ++i) {
    Amount amount(static_cast<Int128>(static_cast<std::int64_t>(random())) * 1'000'003);
    int scale = static_cast<int>(random() % 13);
    EXPECT_EQ(parse_decimal(format_decimal(amount, scale), scale).value(), amount);
  }
}

TEST(Amount, what_a_store_kept_is_read_back_over_all_128_bits) {
  const Amount largest(~(static_cast<Int128>(1) << 127)), smallest(static_cast<Int128>(1) << 127);
  std::mt19937_64 random(7);
  std::vector<Amount> amounts{Amount(), largest, smallest};
  for (int bit = 0; bit < 127; ++bit) {
    Int128 units = (static_cast<Int128>(1) << bit) + static_cast<Int128>(random() % 1000);
    amounts.insert(amounts.end(), {Amount(units), Amount(-units)});
  }
  for (Amount amount : amounts) EXPECT_EQ(from_text(to_text(amount)).value(), amount) << to_text(amount);
  for (const char* text :
       {"", "-", "-0", "01", "+1", "1 ", "1.0", "12e3", "x", "170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105729"})
    EXPECT_EQ(from_text(text).error().code, ErrorCode::kCorrupt) << text;
}

TEST(Amount, says_when_a_sum_would_overflow) {
  Amount largest(~(static_cast<Int128>(1) << 127));
  EXPECT_FALSE(checked_add(largest, Amount(1)));
  EXPECT_FALSE(checked_multiply(largest, 2));
  EXPECT_TRUE(checked_add(largest, Amount(-1)));
  EXPECT_EQ(to_text(largest), "170141183460469231731687303715884105727");
}

TEST(Amount, whole_quotient_never_exceeds_the_amount) {
  EXPECT_EQ(static_cast<int>(whole_quotient(Amount(7), Amount(2))), 3);
  EXPECT_EQ(static_cast<int>(whole_quotient(Amount(-7), Amount(2))), 0);
}

}  // namespace
}  // namespace ciyuan
