#pragma once

/// Decimal text of doubles, and back; the same on every machine.

#include <optional>
#include <string>
#include <string_view>

namespace ciyuan::cel {

/// Decimal, "NaN" or "Infinity" with a sign before it. Too small is 0, too large is nothing.
std::optional<double> parse_double(std::string_view text);

/// The shortest text that reads back as the same number: "0.1", "1e+21", "NaN", "-Infinity".
std::string double_text(double value);

}  // namespace ciyuan::cel
