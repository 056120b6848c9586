#include "measure/equivalence.h"

#include <algorithm>

#include "base/rounding.h"

namespace ciyuan::measure {
namespace {

constexpr std::array<std::string_view, 7> kBasisNames = {
    "identity", "reference_tokenizer", "price_ratio", "burndown", "capacity", "bytes", "han_characters"};
constexpr std::array<std::string_view, kValues> kValueNames = {"low", "middle", "high"};
constexpr Int128 kOne = 1'000'000;  // of kEquivalenceScale
const Amount kFigureMax(Int128{1'000'000} * kOne);
// A ratio's numerator is multiplied by kOne and doubled: this much is left.
constexpr Int128 kRatioTermMax = Int128{1} << 104;

}  // namespace

std::string_view name_of(EquivalenceBasis basis) { return kBasisNames[static_cast<std::size_t>(basis)]; }
std::string_view name_of(Value value) { return kValueNames[static_cast<std::size_t>(value)]; }

std::optional<EquivalenceBasis> equivalence_basis_named(std::string_view name) {
  auto found = std::find(kBasisNames.begin(), kBasisNames.end(), name);
  if (found == kBasisNames.end()) return std::nullopt;
  return static_cast<EquivalenceBasis>(found - kBasisNames.begin());
}

std::optional<Value> value_named(std::string_view name) {
  for (Value value : kAllValues)
    if (name_of(value) == name) return value;
  return std::nullopt;
}

Result<Amount> ciyuan_ratio(Int128 numerator, Int128 denominator) {
  if (numerator <= 0 || denominator <= 0) return invalid("", "there is nothing to divide, or to divide by");
  if (numerator > kRatioTermMax || denominator > kRatioTermMax)
    return invalid("", "a ratio of numbers beyond 2^104");
  const Amount ratio(rounded_quotient(numerator * kOne, denominator, Rounding::kHalfUp));
  if (ratio.is_zero()) return invalid("", "a ratio that is 0 at six decimals");
  if (ratio > kFigureMax) return invalid("", "a ratio above 1000000");
  return ratio;
}

Result<Amount> middle_of_units(const UnitCounts& units, const UnitWeights& weights, std::int64_t tokens) {
  Amount sum;
  for (const auto& [unit, count] : units) {
    auto weight = weights.find(unit);
    if (weight == weights.end()) return invalid("", "no weight for the unit " + unit);
    std::optional<Amount> product = checked_multiply(weight->second, count);
    std::optional<Amount> next = product ? checked_add(sum, *product) : std::nullopt;
    if (!next) return invalid("", "a sum beyond 128 bits");
    sum = *next;
  }
  std::optional<Amount> whole = checked_multiply(Amount(tokens), kOne);
  return ciyuan_ratio(sum.units(), whole ? whole->units() : 0);
}

Result<Figures> figures_of_prices(const TokenPrices& model, const TokenPrices& reference) {
  Amount above, below, low, high;
  for (const auto& [kind, price] : model) {
    auto other = reference.find(kind);
    if (other == reference.end() || price.is_zero() || other->second.is_zero()) continue;
    CIYUAN_TRY(const Amount ratio, ciyuan_ratio(price.units(), other->second.units()));
    if (above.is_zero() || ratio < low) low = ratio;
    high = std::max(high, ratio);
    std::optional<Amount> sum = checked_add(above, price), of = checked_add(below, other->second);
    if (!sum || !of) return invalid("", "a sum of prices beyond 128 bits");
    above = *sum, below = *of;
  }
  if (above.is_zero()) return invalid("", "no kind of token has a price here and at the reference");
  // Between the least and the greatest ratio: the mediant of fractions is.
  CIYUAN_TRY(const Amount middle, ciyuan_ratio(above.units(), below.units()));
  return Figures{low, middle, high};
}

Result<Figures> figures_of_capacity(const Figures& model, const Figures& reference) {
  const Int128 ours = reference[1].units();
  Figures figures;
  for (std::size_t i = 0; i < kValues; ++i) {
    CIYUAN_TRY(figures[i], ciyuan_ratio(ours, model[kValues - 1 - i].units()));
  }
  return figures;
}

std::array<Amount, kKinds> Equivalence::ciyuan_per_token(std::string_view model, Value value) const {
  std::array<Amount, kKinds> weights{};
  auto found = by_name_.find(model);
  if (found == by_name_.end()) return weights;
  const Row& row = rows_[found->second];
  for (Kind kind : kAllKinds) {
    auto own = row.kinds.find(std::string(name_of(kind)));
    weights[index_of(kind)] =
        (own == row.kinds.end() ? row.figures : own->second)[static_cast<std::size_t>(value)];
  }
  return weights;
}

std::vector<std::string> Equivalence::models() const {
  std::vector<std::string> names;
  for (const Row& row : rows_) names.push_back(row.model);
  return names;
}

}  // namespace ciyuan::measure
