#pragma once

/// Price books: what everything costs, exactly.
///
/// A price is a decimal for 1, 1,000 or 1,000,000 tokens with no more decimals than leave the price of one
/// token a whole number of 10^-12 of the currency, so that no charge for usage is ever rounded: amount =
/// quantity × unit price.
///
///   CIYUAN_TRY(Book book, Book::parse(document));          // the document has passed schema/price-book.json
///   auto rates = book.rates_for("smollm2", {.at = now(), .input_tokens = 210'000});   // nothing: no price
///   CIYUAN_TRY(auto lines, charge(*rates, counts, 1));
///
/// Which line applies: of the model's own lines for a meter, the narrowest whose conditions hold; else its
/// own for a wider meter; else those of the model "*", in the same order. A meter that has none has no price,
/// which is not the same as being free. Two lines that can both hold without one being inside the other are
/// refused.
///
/// Threads: any, once parsed. A Book may be moved; pointers to its lines stay good.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/kind.h"
#include "base/result.h"
#include "base/time.h"
#include "price/closing_rules.h"
#include "price/conditions.h"
#include "price/meter.h"
#include "price/schedule.h"

namespace ciyuan::price {

constexpr std::size_t kLinesMax = 100'000;        ///< of one book
constexpr std::size_t kLinesOfOneMeterMax = 128;  ///< for one meter of one model: they are compared in pairs

/// One line of the book.
struct Line {
  std::string id;     ///< as written, or its place: "prices/3"; records name it
  std::string model;  ///< "*": every model without a line of its own
  Meter meter = Meter::kInput;
  Conditions when;
  Schedule schedule;
};

/// Prices of one model in one situation, in 10^-12 of the book's currency, as they are charged at capture: by
/// who does not know what was used before. Where a line's schedule counts, that is its first step, and the
/// period's close trues it up (closing.h).
struct Rates {
  std::array<Amount, kKinds> per_token{};
  std::array<bool, kKinds> known{};  ///< false: no price for this kind
  Amount per_request;
  std::array<const Line*, kKinds> lines{};  ///< where each price stands, with its steps; null where unknown
  const Line* request_line = nullptr;       ///< null: a call costs nothing by itself

  bool knows(Kind kind) const { return known[ciyuan::index_of(kind)]; }
  /// "prices/3"; empty where the rates came from no book.
  std::string_view line_id(Kind kind) const {
    const Line* line = lines[ciyuan::index_of(kind)];
    return line == nullptr ? std::string_view() : std::string_view(line->id);
  }
};

/// The lines that can apply to one model, for each meter, in the order in which they are tried.
struct ModelPrices {
  std::array<std::vector<std::uint32_t>, kMeters> candidates;
  /// What the price of a call's tokens and of the call itself hangs on.
  bool conditional = false, by_service_class = false, by_input_tokens = false, by_region = false;
  std::uint64_t service_classes = 0;  ///< those that some line names, as bits of Conditions
  Rates fixed;                        ///< where not conditional: the same for every call
};

class Book {
 public:
  /// Errors carry the JSON pointer of the line as their path.
  static Result<Book> parse(const Json& document);
  /// The book as a contract has it: the clause's own `prices` in front of the book's, and its `discounts` on
  /// the book's. The document is right by itself; errors are the clause's, with pointers below it.
  static Result<Book> negotiated(const Json& document, const Json& clause);

  Book(Book&&) = default;
  Book& operator=(Book&&) = default;
  Book(const Book&) = delete;  // rates point into the lines
  Book& operator=(const Book&) = delete;

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& currency() const { return currency_; }
  TimePoint effective_from() const { return effective_from_; }    ///< zero: always
  TimePoint effective_until() const { return effective_until_; }  ///< zero: for ever
  bool in_force(TimePoint at) const {
    return at >= effective_from_ && (effective_until_ == TimePoint{} || at < effective_until_);
  }
  int utc_offset_minutes() const { return utc_offset_minutes_; }  ///< in which days and months begin
  const std::vector<Line>& lines() const { return lines_; }       ///< a clause's first
  const ClosingRules& closing_rules() const { return closing_rules_; }
  const ConditionNames& condition_names() const { return condition_names_; }
  /// Models with lines of their own, sorted; "*" is one of them where it has lines.
  std::vector<std::string> models() const;

  /// The model's own lines completed by those of "*"; nullptr where neither exists. Good as long as the book
  /// is.
  const ModelPrices* find(std::string_view model) const;
  /// The line that prices this meter; nullptr: none does.
  const Line* line_for(const ModelPrices& prices, Meter meter, const Bound& bound) const;
  /// Half a microsecond where the prices are conditional, a copy where not.
  Rates rates_for(const ModelPrices& prices, const Situation& situation) const;
  /// The same by name; nothing where neither the model nor "*" has a line.
  std::optional<Rates> rates_for(std::string_view model, const Situation& situation = {}) const;

  /// What looks like a slip of the pen, one sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend class BookReader;
  Book() = default;
  Rates rates_under(const ModelPrices& prices, const Bound& bound) const;

  std::string name_, version_, currency_;
  TimePoint effective_from_, effective_until_;
  int utc_offset_minutes_ = 0;
  std::vector<Line> lines_;
  ConditionNames condition_names_;
  ClosingRules closing_rules_;
  std::map<std::string, ModelPrices, std::less<>> models_;
  std::vector<std::string> warnings_;
};

/// One line of a call's bill: amount = quantity × unit_price.
struct ChargeLine {
  std::string_view kind;  ///< "input", …, "request"
  std::int64_t quantity = 0;
  Amount unit_price;      ///< scale kMoneyScale
  Amount amount;          ///< scale kMoneyScale
  std::string_view line;  ///< id of the price line; empty where the rates came from no book
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
