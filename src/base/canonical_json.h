#pragma once

/// RFC 8785 (JSON Canonicalization Scheme): one byte string for a JSON value, fit for hashing and signing.

#include <string>

#include "base/json.h"

namespace ciyuan {

/// Object keys in the order of their UTF-16 code units, numbers as ECMAScript prints them. An integer beyond
/// ±(2^53 − 1), NaN or infinity is kInvalid: another reader could see another number.
Result<std::string> canonical_json(const Json& value);

/// Appends `text` as a JSON string with exactly the escapes RFC 8785 §3.2.2.2 asks for. `text` must be UTF-8.
void append_json_string(std::string& out, std::string_view text);

}  // namespace ciyuan
