#pragma once

/// Percent-encoding (RFC 3986 §2.1).

#include <optional>
#include <string>
#include <string_view>

namespace ciyuan {

/// "%E4" is one byte, every other character stands for itself. Nothing where a % has no two hexadecimal
/// digits behind it. What comes out may be any bytes.
std::optional<std::string> percent_decoded(std::string_view text);

}  // namespace ciyuan
