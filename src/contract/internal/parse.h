#pragma once

/// Text to JSON values, for documents: YAML or JSON, where a number with a point or an exponent stays text.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ciyuan::contract {

struct ParsedValue {
  Json value;
  std::map<std::string, int> lines;  ///< JSON pointer → line, YAML only
};

/// One value for JSON (an array is one value), one for each document of a YAML stream; empty ones are
/// skipped.
Result<std::vector<ParsedValue>> parse_text(std::string_view text);

/// `name` as a token of a JSON pointer (RFC 6901 §3).
std::string pointer_token(std::string_view name);

}  // namespace ciyuan::contract
