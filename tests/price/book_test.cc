#include "price/book.h"

#include <gtest/gtest.h>

#include <random>

namespace ciyuan::price {
namespace {

Json book_json(std::vector<std::array<const char*, 3>> lines, int per_tokens = 1'000'000) {
  Json prices = Json::array();
  for (const auto& line : lines)
    prices.push_back({{"model", line[0]}, {"kind", line[1]}, {"price", line[2]}});
  return {{"kind", "PriceBook"}, {"name", "b"},       {"version", "1"},           {"date", "2026-01-01"},
          {"source", "test"},    {"currency", "CNY"}, {"per_tokens", per_tokens}, {"prices", prices}};
}

KindCounts counts_of(std::int64_t input, std::int64_t output) {
  KindCounts counts;
  counts[Kind::kInput] = input;
  counts[Kind::kOutput] = output;
  return counts;
}

TEST(Book, the_price_of_one_token_is_exact_at_twelve_decimals) {
  auto book =
      Book::parse(book_json({{"m", "input", "0.000001"}, {"m", "output", "2.50"}, {"m", "request", "0.01"}}))
          .value();
  const Rates rates = *book.rates_for("m");
  EXPECT_EQ(rates.per_token[index_of(Kind::kInput)], Amount(1));
  EXPECT_EQ(rates.per_token[index_of(Kind::kOutput)], Amount(2'500'000));
  EXPECT_EQ(rates.per_request, Amount(10'000'000'000));
  EXPECT_EQ(Book::parse(book_json({{"m", "input", "1"}}, 1000))->rates_for("m")->per_token[0],
            Amount(1'000'000'000));
  EXPECT_EQ(Book::parse(book_json({{"m", "input", "1"}}, 1))->rates_for("m")->per_token[0],
            Amount(1'000'000'000'000));
}

TEST(Book, a_kind_without_a_line_costs_what_the_wider_kind_costs) {
  auto book =
      Book::parse(book_json({{"m", "input", "2"}, {"m", "output", "8"}, {"m", "cache_read", "0.5"}})).value();
  const Rates rates = *book.rates_for("m");
  EXPECT_EQ(rates.per_token[index_of(Kind::kCacheRead)], Amount(500'000));
  EXPECT_EQ(rates.per_token[index_of(Kind::kCacheWrite)], Amount(2'000'000));
  EXPECT_EQ(rates.per_token[index_of(Kind::kReasoning)], Amount(8'000'000));
  EXPECT_EQ(rates.per_token[index_of(Kind::kTool)], Amount(8'000'000));
}

TEST(Book, a_model_of_its_own_is_not_undercut_by_the_star) {
  auto book =
      Book::parse(
          book_json(
              {{"*", "input", "1"}, {"*", "output", "3"}, {"*", "cache_read", "0.1"}, {"m", "input", "2"}}))
          .value();
  EXPECT_EQ(book.rates_for("m")->per_token[index_of(Kind::kCacheRead)], Amount(2'000'000));
  EXPECT_EQ(book.rates_for("m")->per_token[index_of(Kind::kOutput)], Amount(3'000'000));
  EXPECT_EQ(book.rates_for("other")->per_token[index_of(Kind::kCacheRead)], Amount(100'000));
}

TEST(Book, no_price_is_not_free) {
  auto book = Book::parse(book_json({{"m", "input", "2"}})).value();
  EXPECT_FALSE(book.rates_for("other"));
  auto lines = charge(*book.rates_for("m"), counts_of(1, 1), 1);
  ASSERT_FALSE(lines.ok());
  EXPECT_EQ(lines.error().code, ErrorCode::kRefused);
  EXPECT_EQ(lines.error().path, "output");
  EXPECT_TRUE(charge(*book.rates_for("m"), counts_of(1, 0), 1).ok());
}

TEST(Book, charges_one_line_a_kind) {
  auto book =
      Book::parse(book_json({{"m", "input", "2"}, {"m", "output", "8"}, {"m", "request", "0.5"}})).value();
  auto lines = charge(*book.rates_for("m"), counts_of(1234, 56), 2).value();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].kind, "input");
  EXPECT_EQ(format_decimal(lines[0].amount, kMoneyScale), "0.002468");
  EXPECT_EQ(format_decimal(lines[1].amount, kMoneyScale), "0.000448");
  EXPECT_EQ(lines[2].kind, "request");
  EXPECT_EQ(format_decimal(total(lines).value(), kMoneyScale), "1.002916");
}

TEST(Book, refuses_a_charge_that_leaves_128_bits_and_a_negative_count) {
  Rates rates;
  rates.known[0] = true;
  rates.per_token[0] = Amount(Int128{1} << 100);
  auto lines = charge(rates, counts_of(std::numeric_limits<std::int64_t>::max(), 0), 0);
  ASSERT_FALSE(lines.ok());
  EXPECT_EQ(lines.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(charge(rates, counts_of(-1, 0), 0).error().code, ErrorCode::kInvalid);
}

TEST(Book, is_in_force_from_its_first_instant_to_before_its_last) {
  Json json = book_json({{"m", "input", "1"}});
  json["effective_from"] = "2026-01-01";
  json["effective_until"] = "2026-02-01T08:00:00+08:00";
  auto book = Book::parse(json).value();
  auto in_force = [&](const char* at) { return book.in_force(parse_rfc3339(at).value()); };
  EXPECT_FALSE(in_force("2025-12-31T23:59:59.999999999Z"));
  EXPECT_TRUE(in_force("2026-01-01T00:00:00Z"));
  EXPECT_TRUE(in_force("2026-01-31T23:59:59.999999999Z"));
  EXPECT_FALSE(in_force("2026-02-01T00:00:00Z"));
}

// Charging in one go or in any split comes to the same: nothing is rounded anywhere.
TEST(Book, charging_in_parts_is_charging_the_whole) {
  std::mt19937_64 random(20261124);
  for (int round = 0; round < 2'000; ++round) {
    Rates rates;
    KindCounts whole, first, second;
    for (Kind kind : kAllKinds) {
      rates.known[index_of(kind)] = true;
      rates.per_token[index_of(kind)] = Amount(static_cast<std::int64_t>(random() % 1'000'000'000'000));
      whole[kind] = static_cast<std::int64_t>(random() % 10'000'000);
      first[kind] = whole[kind] == 0
                        ? 0
                        : static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(whole[kind] + 1));
      second[kind] = whole[kind] - first[kind];
    }
    auto sum = [&](const KindCounts& counts) { return total(charge(rates, counts, 0).value()).value(); };
    ASSERT_EQ(sum(whole), sum(first) + sum(second)) << "round " << round;
  }
}

}  // namespace
}  // namespace ciyuan::price
