#pragma once

/// Amounts: signed 128-bit integers counted in the smallest unit of a declared scale. No floating point ever
/// touches one (promise P7). The scale belongs to the account or the document, not to the number.
///
///   auto price = parse_decimal("2.50", 6);          // 2500000 millionths
///   auto sum = checked_add(*price, Amount(1));       // nothing on overflow
///   format_decimal(*price, 6) == "2.5"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan {

__extension__ using Int128 = __int128;

/// A count of smallest units. Arithmetic is checked: an overflow in the operators is a broken invariant
/// (stops the process); where input can cause one, use the checked_ functions.
class Amount {
 public:
  constexpr Amount() = default;
  constexpr explicit Amount(Int128 units) : units_(units) {}

  constexpr Int128 units() const { return units_; }
  constexpr bool is_zero() const { return units_ == 0; }
  constexpr bool is_negative() const { return units_ < 0; }
  constexpr auto operator<=>(const Amount&) const = default;

  Amount operator-() const { return Amount() - *this; }
  Amount operator+(Amount other) const;
  Amount operator-(Amount other) const;
  Amount operator*(std::int64_t factor) const;
  Amount& operator+=(Amount other) { return *this = *this + other; }
  Amount& operator-=(Amount other) { return *this = *this - other; }

 private:
  Int128 units_ = 0;
};

std::optional<Amount> checked_add(Amount a, Amount b);
std::optional<Amount> checked_subtract(Amount a, Amount b);
std::optional<Amount> checked_multiply(Amount a, Int128 factor);

/// The largest whole q ≥ 0 with q × divisor ≤ amount; 0 for a negative amount; divisor must be positive.
Int128 whole_quotient(Amount amount, Amount divisor);

/// Decimal text ("-12.345", no exponent, no plus sign, no leading zeros) as units of 10^-scale. More decimals
/// than the scale holds, or a value beyond 10^36 units, is kInvalid: nothing is ever rounded here.
Result<Amount> parse_decimal(std::string_view text, int scale);

/// The shortest decimal text that parse_decimal reads back: no trailing zeros behind the point.
std::string format_decimal(Amount amount, int scale);

/// Units as plain integer text, for stores.
std::string to_text(Amount amount);
/// What to_text() wrote, over all 128 bits. Anything else is kCorrupt.
Result<Amount> from_text(std::string_view text);

}  // namespace ciyuan
