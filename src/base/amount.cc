#include "base/amount.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ciyuan {
namespace {

constexpr int kDigitsMax = 36;  // 10^36 < 2^127: every parsed amount can be added a hundred times safely

std::string digits_of(Int128 value) {
  // Nearly all amounts fit a word, and dividing those is twenty times cheaper.
  if (value >= 0 && value <= std::numeric_limits<std::int64_t>::max()) {
    char buffer[20];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value)).ptr};
  }
  // Negative values are walked as they are: the smallest 128-bit integer has no positive twin.
  std::string digits;
  do {
    int digit = static_cast<int>(value % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace

std::optional<Amount> checked_add(Amount a, Amount b) {
  Int128 sum;
  if (__builtin_add_overflow(a.units(), b.units(), &sum)) return std::nullopt;
  return Amount(sum);
}

std::optional<Amount> checked_subtract(Amount a, Amount b) {
  Int128 difference;
  if (__builtin_sub_overflow(a.units(), b.units(), &difference)) return std::nullopt;
  return Amount(difference);
}

std::optional<Amount> checked_multiply(Amount a, Int128 factor) {
  Int128 product;
  if (__builtin_mul_overflow(a.units(), factor, &product)) return std::nullopt;
  return Amount(product);
}

Amount Amount::operator+(Amount other) const {
  auto sum = checked_add(*this, other);
  CIYUAN_CHECK(sum, "an amount stays within 128 bits");
  return *sum;
}

Amount Amount::operator-(Amount other) const {
  auto difference = checked_subtract(*this, other);
  CIYUAN_CHECK(difference, "an amount stays within 128 bits");
  return *difference;
}

Amount Amount::operator*(std::int64_t factor) const {
  auto product = checked_multiply(*this, factor);
  CIYUAN_CHECK(product, "an amount stays within 128 bits");
  return *product;
}

Int128 whole_quotient(Amount amount, Amount divisor) {
  CIYUAN_CHECK(divisor.units() > 0, "a divisor is positive");
  return amount.is_negative() ? 0 : amount.units() / divisor.units();
}

Result<Amount> parse_decimal(std::string_view text, int scale) {
  auto refuse = [&](const char* rule) {
    return invalid("", "\"" + std::string(text.substr(0, 60)) + "\" is not a decimal: " + rule);
  };
  std::string_view rest = text;
  bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  std::size_t point = rest.find('.');
  std::string_view whole = rest.substr(0, point);
  std::string_view fraction = point == rest.npos ? std::string_view() : rest.substr(point + 1);
  auto is_digits = [](std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (!is_digits(whole) || (point != rest.npos && !is_digits(fraction)))
    return refuse("digits, and a point between digits");
  if (whole.size() > 1 && whole[0] == '0') return refuse("leading zeros");
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (fraction.size() > static_cast<std::size_t>(scale))
    return refuse(("more than " + std::to_string(scale) + " decimals").c_str());
  if (whole.size() + static_cast<std::size_t>(scale) > kDigitsMax) return refuse("too large");
  Int128 units = 0;
  for (char c : whole) units = units * 10 + (c - '0');
  for (int i = 0; i < scale; ++i) {
    units = units * 10 +
            (static_cast<std::size_t>(i) < fraction.size() ? fraction[static_cast<std::size_t>(i)] - '0' : 0);
  }
  return Amount(negative ? -units : units);
}

std::string format_decimal(Amount amount, int scale) {
  std::string digits = digits_of(amount.units());
  auto width = static_cast<std::size_t>(scale);
  if (digits.size() <= width) digits.insert(0, width + 1 - digits.size(), '0');
  std::string text = amount.is_negative() ? "-" : "";
  text += digits.substr(0, digits.size() - width);
  std::string fraction = digits.substr(digits.size() - width);
  while (fraction.ends_with('0')) fraction.pop_back();
  if (!fraction.empty()) text += "." + fraction;
  return text;
}

Result<Amount> from_text(std::string_view text) {
  Error damaged{ErrorCode::kCorrupt, "\"" + std::string(text.substr(0, 60)) + "\" is not an amount", ""};
  bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && text != "0")) return damaged;
  Int128 units = 0;
  for (char c : digits) {
    // Towards the sign from the start: the smallest 128-bit integer has no positive twin.
    int digit = negative ? '0' - c : c - '0';
    if (c < '0' || c > '9' || __builtin_mul_overflow(units, 10, &units) ||
        __builtin_add_overflow(units, digit, &units))
      return damaged;
  }
  return Amount(units);
}

std::string to_text(Amount amount) { return (amount.is_negative() ? "-" : "") + digits_of(amount.units()); }

}  // namespace ciyuan
