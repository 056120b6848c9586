#pragma once

/// Price books: what a token of each kind costs, exactly.
///
/// A price is a decimal with at most six decimals for 1, 1,000 or 1,000,000 tokens, so the price of one token
/// is a whole number of 10^-12 of the currency and no charge is ever rounded: amount = quantity × per_token.
///
///   CIYUAN_TRY(Book book, Book::parse(document));      // the document has passed schema/price-book.json
///   const Rates* rates = book.rates_for("smollm2");    // its own lines, else those of "*", else nullptr
///   std::vector<ChargeLine> lines = charge(*rates, counts, 1);
///
/// A kind without a line of its own costs what a wider kind costs: reasoning and tool as output, cache_read
/// and cache_write as input. A kind that has neither has no price, which is not the same as being free.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/kind.h"
#include "base/result.h"
#include "base/time.h"

namespace ciyuan::price {

constexpr int kPriceDecimalsMax = 6;  ///< of a price as written
constexpr int kMoneyScale = 12;       ///< of per-token prices and amounts

/// Prices of one model, in 10^-12 of the book's currency.
struct Rates {
  std::array<Amount, kKinds> per_token{};
  std::array<bool, kKinds> known{};  ///< false: no price for this kind
  Amount per_request;

  bool knows(Kind kind) const { return known[index_of(kind)]; }
};

class Book {
 public:
  /// Errors carry the JSON pointer of the line as their path.
  static Result<Book> parse(const Json& document);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& currency() const { return currency_; }
  TimePoint effective_from() const { return effective_from_; }    ///< zero: always
  TimePoint effective_until() const { return effective_until_; }  ///< zero: for ever
  bool in_force(TimePoint at) const {
    return at >= effective_from_ && (effective_until_ == TimePoint{} || at < effective_until_);
  }

  /// The model's own lines completed by those of "*"; nullptr where neither exists.
  const Rates* rates_for(std::string_view model) const;
  /// What looks like a slip of the pen, one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::string name_, version_, currency_;
  TimePoint effective_from_, effective_until_;
  std::map<std::string, Rates, std::less<>> rates_;
  std::vector<std::string> warnings_;
};

/// One line of a bill: amount = quantity × unit_price.
struct ChargeLine {
  std::string_view kind;  ///< "input", …, "request"
  std::int64_t quantity = 0;
  Amount unit_price;  ///< scale kMoneyScale
  Amount amount;      ///< scale kMoneyScale
};

/// Lines for every kind that has tokens, in the order of the kinds, then one for the requests if they cost
/// anything. kRefused (path = the kind) where tokens have no price; kTooLarge where a product leaves 128
/// bits.
Result<std::vector<ChargeLine>> charge(const Rates& rates, const KindCounts& counts, std::int64_t requests);

/// Sum of the lines; kTooLarge on overflow.
Result<Amount> total(const std::vector<ChargeLine>& lines);

/// "2026-01-01" (midnight UTC) or an RFC 3339 time.
Result<TimePoint> parse_moment(std::string_view text);

/// A decimal of a document: text as written, or a whole number. At `scale`, exactly.
Result<Amount> decimal_of(const Json& value, int scale);

}  // namespace ciyuan::price
