#pragma once

/// A table of equivalence: what one native token of a model is in Ciyuan, at a low, a middle and a high
/// figure. It is a document (schema/equivalence.json), versioned, dated, sourced and, where a contract asks
/// for it, signed by both parties. A method says what is counted; a table says what the count is worth where
/// models with different tokenizers, prices or hardware stand in one account.
///
///   CIYUAN_TRY(Equivalence table, Equivalence::from_json(document));
///   table.ciyuan_per_token("smollm2", Value::kMiddle)[index_of(Kind::kOutput)];   // 1153846 micro-Ciyuan
///
/// A figure is never taken on trust where the document holds what it was made of: from_json() makes it again
/// by the rules below, half up at six decimals, and refuses another one. W is the sum over the corpus' units
/// of weight × units, T the row's tokens, p(k) and r(k) the row's and the reference's price of kind k, c and
/// d the row's and the reference's tokens a second.
///
///   basis                  middle             low                     high
///   identity               1                  1                       1
///   reference_tokenizer,   W ÷ T              an interval that the document states; not made again
///   bytes, han_characters
///   price_ratio            Σ p(k) ÷ Σ r(k)    least of p(k) ÷ r(k)    greatest of p(k) ÷ r(k)
///   burndown               as declared; where every kind has figures, within theirs
///   capacity               d ÷ c              d(middle) ÷ c(high)     d(middle) ÷ c(low)
///
/// Everywhere 0 < low ≤ middle ≤ high. Immutable; any thread.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/amount.h"
#include "base/json.h"
#include "base/kind.h"

namespace ciyuan::measure {

enum class EquivalenceBasis {
  kIdentity,
  kReferenceTokenizer,
  kPriceRatio,
  kBurndown,
  kCapacity,
  kBytes,
  kHanCharacters,
};
std::string_view name_of(EquivalenceBasis basis);
std::optional<EquivalenceBasis> equivalence_basis_named(std::string_view name);

/// Which figure of a row.
enum class Value { kLow, kMiddle, kHigh };
constexpr std::size_t kValues = 3;
constexpr std::array<Value, kValues> kAllValues = {Value::kLow, Value::kMiddle, Value::kHigh};
std::string_view name_of(Value value);
std::optional<Value> value_named(std::string_view name);

/// Low, middle and high, by Value: Ciyuan at six decimals, tokens a second at six.
using Figures = std::array<Amount, kValues>;
constexpr int kEquivalenceScale = 6;
constexpr int kTokenPriceScale = 12;  ///< of the price of one token in /models/…/prices

using UnitCounts = std::map<std::string, std::int64_t, std::less<>>;  ///< "bytes" → how many
using UnitWeights = std::map<std::string, Amount, std::less<>>;       ///< "bytes" → Ciyuan for one
using TokenPrices = std::map<std::string, Amount, std::less<>>;       ///< "input" → price of one token

/// The rules of the table above, for who makes a table and for who checks one. kInvalid with an empty path:
/// a figure that would be zero or beyond a million Ciyuan, nothing to divide by, no price in common.
Result<Amount> middle_of_units(const UnitCounts& units, const UnitWeights& weights, std::int64_t tokens);
Result<Figures> figures_of_prices(const TokenPrices& model, const TokenPrices& reference);
Result<Figures> figures_of_capacity(const Figures& model, const Figures& reference);
/// numerator ÷ denominator, half up at six decimals; both positive.
Result<Amount> ciyuan_ratio(Int128 numerator, Int128 denominator);

class Equivalence {
 public:
  /// kInvalid: `path` is the JSON pointer of the member at fault, the message its value and the rule. Members
  /// that no rule here reads are the schema's to judge.
  static Result<Equivalence> from_json(const Json& document);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  EquivalenceBasis basis() const { return basis_; }

  /// Whether there is a row for the model, by its name or an alias.
  bool covers(std::string_view model) const { return by_name_.contains(model); }
  /// Micro-Ciyuan for one token of each kind; all zero for a model that is not covered.
  std::array<Amount, kKinds> ciyuan_per_token(std::string_view model, Value value) const;
  /// In the document's order; aliases are not among them.
  std::vector<std::string> models() const;

 private:
  friend class EquivalenceReading;
  struct Row {
    std::string model;
    Figures figures;
    std::map<std::string, Figures> kinds;
  };

  std::string name_, version_;
  EquivalenceBasis basis_ = EquivalenceBasis::kIdentity;
  std::vector<Row> rows_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  ///< name or alias → index into rows_
};

}  // namespace ciyuan::measure
