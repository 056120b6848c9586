#pragma once

/// JSON whose decimals stay text: what holds prices is read with this.

#include "base/json.h"

namespace ciyuan {

/// As parse_json(), but a number with a point or an exponent becomes a string of the text it is written in
/// ("2.00", "1e-06"), so that no decimal passes through floating point; at most `values_max` values.
Result<Json> parse_json_keeping_decimals(std::string_view text, std::size_t values_max);

}  // namespace ciyuan
