#include "price/closing.h"

#include <algorithm>
#include <tuple>

#include "price/internal/fields.h"

namespace ciyuan::price {
namespace {

constexpr Int128 kHundredPercent = 100 * kWholePercent;

Int128 power_of_ten(int exponent) {
  Int128 value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

Error too_large(const std::string& line) {
  return Error{ErrorCode::kTooLarge, "an amount of the period's close leaves 128 bits", line};
}

/// Units of one model on one line that a grant can make free.
struct Grantable {
  const RatedLine* line;
  Amount unit_price;
  std::int64_t left;
};

class Closing {
 public:
  Closing(const Book& book, std::vector<RatedLine> rated)
      : rules_(book.closing_rules()), rated_(std::move(rated)) {}

  Result<std::vector<RatedLine>> run(const PeriodEnd& end) {
    CIYUAN_TRY_STATUS(grant());
    if (rules_.rounding.each_line) CIYUAN_TRY_STATUS(round_lines());
    CIYUAN_TRY_STATUS(take_percentages());
    CIYUAN_TRY_STATUS(floors(end));
    if (!rules_.rounding.each_line) CIYUAN_TRY_STATUS(round_document());
    CIYUAN_TRY_STATUS(tax());
    for (RatedLine& line : made_) line.state = UsageState::kBilled;
    return std::move(made_);
  }

 private:
  Result<Amount> sum() const {
    CIYUAN_TRY(Amount rated, total(rated_));
    CIYUAN_TRY(Amount made, total(made_));
    std::optional<Amount> all = checked_add(rated, made);
    if (!all) return too_large("total");
    return *all;
  }

  void add(std::string id, Rule rule, Amount amount) {
    RatedLine line;
    line.line = std::move(id);
    line.rule = rule;
    line.quantity = 1;
    line.unit_price = line.amount = amount;
    if (!amount.is_zero()) made_.push_back(std::move(line));
  }

  // amount × numerator / denominator, rounded once to so many decimals.
  Result<Amount> share(Amount amount, Int128 numerator, Int128 denominator, int decimals,
                       const std::string& id) const {
    const Int128 smallest = power_of_ten(kMoneyScale - decimals);
    std::optional<Amount> product = checked_multiply(amount, numerator);
    Int128 divisor;
    if (!product || __builtin_mul_overflow(denominator, smallest, &divisor)) return too_large(id);
    std::optional<Amount> rounded =
        checked_multiply(Amount(rounded_quotient(product->units(), divisor, rules_.rounding.mode)), smallest);
    if (!rounded) return too_large(id);
    return *rounded;
  }
  Result<Amount> rounded(Amount amount) const {
    return share(amount, 1, 1, rules_.rounding.decimals, "rounding");
  }

  // A volume line's units all cost what the period's last step says, whatever they were charged at first.
  Amount price_of_unit(const RatedLine& line) const {
    if (line.rule != Rule::kVolume) return line.unit_price;
    const RatedLine* last = &line;
    for (const RatedLine& other : rated_)
      if (other.rule == Rule::kVolume && other.line == line.line && other.period == line.period &&
          other.step > last->step)
        last = &other;
    return last->unit_price;
  }

  Status grant() {
    if (rules_.free.empty()) return {};
    std::vector<Grantable> units;
    for (const RatedLine& line : rated_)
      if ((line.rule == Rule::kFlat || line.rule == Rule::kGraduated || line.rule == Rule::kVolume) &&
          line.quantity > 0)
        units.push_back({&line, price_of_unit(line), line.quantity});
    std::stable_sort(units.begin(), units.end(),
                     [](const Grantable& a, const Grantable& b) { return a.unit_price > b.unit_price; });
    for (const FreeGrant& grant : rules_.free) {
      std::int64_t left = grant.quantity;
      for (Grantable& unit : units) {
        const std::int64_t freed = std::min(left, unit.left);
        if (freed == 0 || unit.unit_price.is_zero() || !grant.of.covers(unit.line->model, unit.line->meter))
          continue;
        left -= freed;
        unit.left -= freed;
        std::optional<Amount> amount = checked_multiply(-unit.unit_price, freed);
        if (!amount) return too_large(grant.id);
        RatedLine credit{.line = grant.id,
                         .model = unit.line->model,
                         .meter = unit.line->meter,
                         .rule = Rule::kFree,
                         .quantity = freed,
                         .unit_price = -unit.unit_price,
                         .amount = *amount};
        made_.push_back(std::move(credit));
      }
    }
    CIYUAN_TRY(made_, merged(std::move(made_)));
    return {};
  }

  Status round_lines() {
    Amount added;
    for (const auto* lines : {&rated_, &made_})
      for (const RatedLine& line : *lines) {
        CIYUAN_TRY(Amount whole, rounded(line.amount));
        std::optional<Amount> rest = checked_subtract(whole, line.amount);
        std::optional<Amount> next = rest ? checked_add(added, *rest) : rest;
        if (!next) return too_large("rounding");
        added = *next;
      }
    add("rounding", Rule::kRounding, added);
    return {};
  }

  Status take_percentages() {
    std::vector<RatedLine> credits = made_;  // shares are not taken of each other
    for (const Percentage& rule : rules_.percentages) {
      Amount base;
      for (const auto* lines : {&rated_, &credits})
        for (const RatedLine& line : *lines) {
          if (line.model.empty() || !rule.of.covers(line.model, line.meter)) continue;
          std::optional<Amount> next = checked_add(base, line.amount);
          if (!next) return too_large(rule.id);
          base = *next;
        }
      const bool discount = rule.type == PercentageType::kDiscount;
      const int decimals = rules_.rounding.each_line ? rules_.rounding.decimals : kMoneyScale;
      CIYUAN_TRY(Amount amount, share(base, rule.percent.units(), kHundredPercent, decimals, rule.id));
      add(rule.id,
          discount                            ? Rule::kDiscount
          : rule.type == PercentageType::kFee ? Rule::kFee
                                              : Rule::kSurcharge,
          discount ? -amount : amount);
    }
    return {};
  }

  Status floors(const PeriodEnd& end) {
    if (rules_.minimum) {
      CIYUAN_TRY(Amount charged, sum());
      CIYUAN_TRY_STATUS(fill("minimum", Rule::kMinimum, rules_.minimum->amount, charged));
    }
    if (rules_.commitment && (!rules_.commitment->whole_term || end.of_term)) {
      CIYUAN_TRY(Amount charged, sum());
      std::optional<Amount> all =
          rules_.commitment->whole_term ? checked_add(charged, end.charged_before) : std::optional(charged);
      if (!all) return too_large("commitment");
      CIYUAN_TRY_STATUS(fill("commitment", Rule::kCommitment, rules_.commitment->amount, *all));
    }
    return {};
  }

  Status fill(const char* id, Rule rule, Amount least, Amount charged) {
    std::optional<Amount> lacking = checked_subtract(least, charged);
    if (!lacking) return too_large(id);
    if (!lacking->is_negative()) add(id, rule, *lacking);
    return {};
  }

  Status round_document() {
    CIYUAN_TRY(Amount exact, sum());
    CIYUAN_TRY(Amount whole, rounded(exact));
    std::optional<Amount> added = checked_subtract(whole, exact);
    if (!added) return too_large("rounding");
    add("rounding", Rule::kRounding, *added);
    return {};
  }

  Status tax() {
    if (!rules_.tax) return {};
    CIYUAN_TRY(Amount base, sum());
    const Int128 percent = rules_.tax->percent.units();
    const Int128 whole = rules_.tax->inclusive ? kHundredPercent + percent : kHundredPercent;
    CIYUAN_TRY(Amount amount, share(base, percent, whole, rules_.rounding.decimals, "tax"));
    add("tax", rules_.tax->inclusive ? Rule::kTaxIncluded : Rule::kTax, amount);
    return {};
  }

  const ClosingRules& rules_;
  std::vector<RatedLine> rated_, made_;
};

}  // namespace

Result<std::vector<RatedLine>> close_period(const Book& book, const std::vector<RatedLine>& lines,
                                            const PeriodEnd& end) {
  CIYUAN_TRY(std::vector<RatedLine> rated, merged(lines));
  return Closing(book, std::move(rated)).run(end);
}

}  // namespace ciyuan::price
