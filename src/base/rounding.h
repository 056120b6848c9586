#pragma once

/// Whole numbers out of quotients, by a stated rule: wherever an amount is rounded, once, it is here.

#include <optional>

#include "base/amount.h"

namespace ciyuan {

/// Half up and up go away from zero, down goes to it: a credit is rounded like the charge that it takes back.
enum class Rounding { kHalfEven, kHalfUp, kUp, kDown };

/// numerator ÷ divisor as a whole number. divisor > 0.
Int128 rounded_quotient(Int128 numerator, Int128 divisor, Rounding rounding);

/// (to − from) ÷ from in hundredths of a percent, half up: 1538 is 15.38 %. Nothing where `from` is zero, or
/// the product leaves 128 bits.
std::optional<Amount> difference_of_percent(Amount from, Amount to);

}  // namespace ciyuan
