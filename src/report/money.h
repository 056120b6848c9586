#pragma once

/// Money as papers write it: whole cents, fen or yen, made from exact amounts by a stated rounding. Amounts
/// keep the ledger's scale (10^-12 of the currency) throughout; a rounded one is a multiple of the minor
/// unit. Pure functions, no floating point.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/rounding.h"

namespace ciyuan::report {

/// "half_even", …
std::string_view name_of(Rounding rounding);
std::optional<Rounding> rounding_named(std::string_view name);

/// Decimals of the currency's minor unit by ISO 4217: 2 for CNY, 0 for JPY, 3 for KWD; 2 where the code is
/// none of those that differ.
int minor_decimals(std::string_view currency);

/// sum += amount. kTooLarge (with `path`): beyond 128 bits; the sum is as it was.
Status add_to(Amount& sum, Amount amount, std::string_view path = "");

/// `amount` in whole minor units of `decimals` places.
Amount rounded(Amount amount, int decimals, Rounding rounding);

/// amount × percent ÷ 100 in whole minor units, rounded once; `percent` has four decimals (60000: 6 %).
/// kTooLarge: beyond 128 bits.
Result<Amount> percent_of(Amount amount, Amount percent, int decimals, Rounding rounding);
/// What of the amount is a tax of `percent` that it contains: amount × percent ÷ (100 + percent).
Result<Amount> percent_within(Amount amount, Amount percent, int decimals, Rounding rounding);
constexpr int kPercentScale = 4;

/// amount × rate in whole minor units, rounded once; `rate` has twelve decimals. kTooLarge: beyond 128 bits.
Result<Amount> converted(Amount amount, Amount rate, int decimals, Rounding rounding);
constexpr int kRateScale = 12;

/// "1234.50": exactly so many decimals, of an amount that has no more. `grouped`: "1,234.50".
std::string money_text(Amount amount, int decimals, bool grouped = false);
/// Any decimal text with its whole part in groups of three: "1,234.5".
std::string grouped(std::string_view decimal);

}  // namespace ciyuan::report
