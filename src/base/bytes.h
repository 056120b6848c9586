#pragma once

/// Bytes and their text forms.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan {

using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);
/// Either case; an odd length or another character is kInvalid.
Result<Bytes> from_hex(std::string_view text);

/// RFC 4648 §4, with padding.
std::string to_base64(ByteView bytes);
/// Strict: padding required, no white space, no stray bits (a text has one decoding and a decoding one text).
Result<Bytes> from_base64(std::string_view text);

/// Equal, in time that depends on the lengths only. For secrets.
bool equal_in_constant_time(ByteView a, ByteView b);

/// True for well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace ciyuan
