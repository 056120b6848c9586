#include "base/rounding.h"

#include "base/check.h"

namespace ciyuan {

Int128 rounded_quotient(Int128 numerator, Int128 divisor, Rounding rounding) {
  CIYUAN_CHECK(divisor > 0, "a divisor is positive");
  const Int128 quotient = numerator / divisor, rest = numerator % divisor;
  if (rest == 0) return quotient;
  const Int128 away = numerator < 0 ? quotient - 1 : quotient + 1;
  const Int128 size = rest < 0 ? -rest : rest;
  // Compared with what is left to the next whole number: doubling could leave 128 bits.
  const bool above = size > divisor - size, tie = size == divisor - size;
  switch (rounding) {
    case Rounding::kUp:
      return away;
    case Rounding::kDown:
      return quotient;
    case Rounding::kHalfUp:
      return above || tie ? away : quotient;
    case Rounding::kHalfEven:
      return above || (tie && quotient % 2 != 0) ? away : quotient;
  }
  return quotient;
}

std::optional<Amount> difference_of_percent(Amount from, Amount to) {
  if (from.is_zero()) return std::nullopt;
  const std::optional<Amount> difference = checked_subtract(to, from);
  const std::optional<Amount> scaled = difference ? checked_multiply(*difference, 10'000) : std::nullopt;
  if (!scaled) return std::nullopt;
  const bool below = from.is_negative();
  return Amount(rounded_quotient(below ? -scaled->units() : scaled->units(),
                                 below ? -from.units() : from.units(), Rounding::kHalfUp));
}

}  // namespace ciyuan
