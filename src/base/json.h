#pragma once

/// JSON as values. Requests that pass through the gateway are never re-serialised from these: they keep their
/// bytes.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace ciyuan {

using Json = nlohmann::json;

constexpr std::size_t kJsonDepthMax = 128;

/// Strict RFC 8259: one value, UTF-8, no duplicate keys, nesting of at most kJsonDepthMax. kInvalid says
/// where.
Result<Json> parse_json(std::string_view text);

}  // namespace ciyuan
