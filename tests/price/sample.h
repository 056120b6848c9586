#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/decimal_json.h"
#include "price/closing.h"

namespace ciyuan::price {

/// A book with these prices (a JSON array without its brackets) and further members.
inline Json document_of(const std::string& prices, const std::string& fields = "") {
  auto json = parse_json_keeping_decimals(
      R"({"kind": "PriceBook", "name": "b", "version": "1", "date": "2026-01-01", "source": "test", "currency": "CNY",
          "per_tokens": 1000000, )" +
          fields + (fields.empty() ? "" : ", ") + R"("prices": [)" + prices + "]}",
      10'000);
  EXPECT_TRUE(json.ok()) << json.error().text();
  return json.value();
}

inline Book book_of(const std::string& prices, const std::string& fields = "") {
  auto book = Book::parse(document_of(prices, fields));
  EXPECT_TRUE(book.ok()) << book.error().text();
  return std::move(book).value();
}

inline std::string error_of(const std::string& prices, const std::string& fields = "") {
  auto book = Book::parse(document_of(prices, fields));
  return book.ok() ? "no error" : book.error().text();
}

inline TimePoint moment(std::string_view text) { return parse_moment(text).value(); }

inline Usage usage_of(Meter meter, std::int64_t quantity, std::string_view at = "2026-02-10T12:00:00Z") {
  Usage usage;
  usage.model = "m";
  usage.situation.at = moment(at);
  usage.counts[meter] = quantity;
  return usage;
}

inline std::vector<RatedLine> rated(const Book& book, const std::vector<Usage>& usages) {
  Counters counters;
  auto lines = rate(book, usages, counters);
  EXPECT_TRUE(lines.ok()) << lines.error().text();
  return std::move(lines).value();
}

inline std::string total_of(const std::vector<RatedLine>& lines) {
  return format_decimal(total(lines).value(), kMoneyScale);
}

}  // namespace ciyuan::price
