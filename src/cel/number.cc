#include "cel/internal/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace ciyuan::cel {

std::optional<double> parse_double(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view rest = text;
  if (negative || text.starts_with('+')) rest.remove_prefix(1);
  double found = 0;
  if (rest == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (rest == "Infinity") {
    found = std::numeric_limits<double>::infinity();
  } else {
    if (rest.empty() || rest.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
        rest[0] == '-' || rest[0] == '+')
      return {};
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), found);
    if (end != rest.data() + rest.size() || failure == std::errc::invalid_argument) return {};
    // Out of range is both too large and too small; only the older function says which.
    if (failure != std::errc()) found = std::strtod(std::string(rest).c_str(), nullptr);
    if (std::isinf(found)) return {};
  }
  return negative ? -found : found;
}

std::string double_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char buffer[32];
  const auto [end, failure] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end);
}

}  // namespace ciyuan::cel
