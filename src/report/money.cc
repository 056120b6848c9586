#include "report/money.h"

#include <algorithm>

#include "contract/limit.h"

namespace ciyuan::report {
namespace {

constexpr std::string_view kNoDecimals[] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
                                            "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"};
constexpr std::string_view kThreeDecimals[] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
constexpr std::string_view kFourDecimals[] = {"CLF", "UYW"};

template <std::size_t N>
bool holds(const std::string_view (&list)[N], std::string_view one) {
  return std::find(std::begin(list), std::end(list), one) != std::end(list);
}

constexpr std::string_view kRoundingNames[] = {"half_even", "half_up", "up", "down"};

Int128 power_of_ten(int exponent) {
  Int128 power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

// One unit of the last place that is kept.
Int128 step_of(int decimals) { return power_of_ten(contract::kMoneyScale - decimals); }

Error too_large() { return {ErrorCode::kTooLarge, "the product leaves 128 bits", ""}; }

// numerator ÷ (divisor × one step), in whole steps.
Amount in_steps(Int128 numerator, Int128 divisor, int decimals, Rounding rounding) {
  Int128 step = step_of(decimals);
  return Amount(rounded_quotient(numerator, divisor * step, rounding) * step);
}

}  // namespace

Status add_to(Amount& sum, Amount amount, std::string_view path) {
  std::optional<Amount> next = checked_add(sum, amount);
  if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", std::string(path)};
  sum = *next;
  return {};
}

std::string_view name_of(Rounding rounding) { return kRoundingNames[static_cast<std::size_t>(rounding)]; }

std::optional<Rounding> rounding_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kRoundingNames); ++i)
    if (kRoundingNames[i] == name) return static_cast<Rounding>(i);
  return std::nullopt;
}

int minor_decimals(std::string_view currency) {
  if (holds(kNoDecimals, currency)) return 0;
  if (holds(kThreeDecimals, currency)) return 3;
  return holds(kFourDecimals, currency) ? 4 : 2;
}

Amount rounded(Amount amount, int decimals, Rounding rounding) {
  return in_steps(amount.units(), 1, decimals, rounding);
}

Result<Amount> percent_of(Amount amount, Amount percent, int decimals, Rounding rounding) {
  std::optional<Amount> product = checked_multiply(amount, percent.units());
  if (!product) return too_large();
  return in_steps(product->units(), 100 * power_of_ten(kPercentScale), decimals, rounding);
}

Result<Amount> percent_within(Amount amount, Amount percent, int decimals, Rounding rounding) {
  std::optional<Amount> product = checked_multiply(amount, percent.units());
  if (!product) return too_large();
  return in_steps(product->units(), 100 * power_of_ten(kPercentScale) + percent.units(), decimals, rounding);
}

Result<Amount> converted(Amount amount, Amount rate, int decimals, Rounding rounding) {
  // 7.12 is 712 hundredths: the fewer digits, the larger the amounts that fit.
  Int128 digits = rate.units(), divisor = power_of_ten(kRateScale);
  while (divisor > 1 && digits % 10 == 0) digits /= 10, divisor /= 10;
  std::optional<Amount> product = checked_multiply(amount, digits);
  if (!product) return too_large();
  return in_steps(product->units(), divisor, decimals, rounding);
}

std::string money_text(Amount amount, int decimals, bool in_groups) {
  std::string text = format_decimal(amount, contract::kMoneyScale);
  std::size_t point = text.find('.');
  std::size_t have = point == text.npos ? 0 : text.size() - point - 1;
  if (have < static_cast<std::size_t>(decimals)) {
    if (point == text.npos) text += '.';
    text.append(static_cast<std::size_t>(decimals) - have, '0');
  }
  return in_groups ? grouped(text) : text;
}

std::string grouped(std::string_view decimal) {
  std::size_t end = std::min(decimal.find('.'), decimal.size());
  std::size_t begin = decimal.starts_with('-') ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < decimal.size(); ++i) {
    if (i > begin && i < end && (end - i) % 3 == 0) text += ',';
    text += decimal[i];
  }
  return text;
}

}  // namespace ciyuan::report
