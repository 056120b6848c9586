#include "token/internal/utf8_repair.h"

#include <simdjson.h>

#include <cstdint>

namespace ciyuan::token::internal {
namespace {

/// Table 3-7 of the Unicode standard: how long a sequence is and which second bytes its lead allows.
struct Lead {
  unsigned length;  ///< 0: no character starts with this byte
  std::uint8_t second_min;
  std::uint8_t second_max;
};

Lead lead_of(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

std::size_t repair_utf8(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  std::size_t copied = 0;
  while (at < bytes.size()) {
    const Lead lead = lead_of(static_cast<std::uint8_t>(bytes[at]));
    std::size_t good = lead.length == 0 ? 0 : 1;
    while (good > 0 && good < lead.length && at + good < bytes.size()) {
      const auto byte = static_cast<std::uint8_t>(bytes[at + good]);
      const bool fits =
          good == 1 ? byte >= lead.second_min && byte <= lead.second_max : (byte & 0xC0) == 0x80;
      if (!fits) break;
      ++good;
    }
    if (good > 0 && good == lead.length) {
      at += good;
      continue;
    }
    out.append(bytes.substr(copied, at - copied));
    if (good > 0 && at + good == bytes.size()) return at;  // the rest of the character may still come
    out.append(kReplacement);
    at += good == 0 ? 1 : good;
    copied = at;
  }
  out.append(bytes.substr(copied));
  return at;
}

std::string_view repaired_utf8(std::string_view text, std::string& buffer) {
  if (simdjson::validate_utf8(text.data(), text.size())) return text;
  buffer.clear();
  if (repair_utf8(text, buffer) < text.size()) buffer.append(kReplacement);
  return buffer;
}

}  // namespace ciyuan::token::internal
