#pragma once

/// Character classes by table, and UTF-8 of text that is known to be well formed.

#include <cstdint>
#include <string>

namespace ciyuan::token::internal {

/// Bits of a character's class. Lm and Lo letters are both kUpper and kLower, as o200k's pattern wants them.
enum : std::uint8_t {
  kLetter = 1,         ///< \p{L}
  kUpper = 2,          ///< \p{Lu} \p{Lt} \p{Lm} \p{Lo}
  kLower = 4,          ///< \p{Ll} \p{Lm} \p{Lo}
  kMark = 8,           ///< \p{M}
  kNumber = 16,        ///< \p{N}
  kPunct = 32,         ///< \p{P} \p{S}
  kSpace = 64,         ///< \s
  kDigit = 128,        ///< what HF's Digits pretokenizer sets apart (a newer Unicode's \p{N})
  kDeepseekCjk = 128,  ///< in deepseek_classes() only: 一-龥, hiragana, katakana
  kHan = 128,          ///< in kimi_classes() only: \p{Han}, which there is neither kUpper, kLower nor kMark
};

/// 0x110000 entries, one per code point. Made once, on first use; any thread.
const std::uint8_t* classes();
const std::uint8_t* deepseek_classes();
const std::uint8_t* kimi_classes();

/// Whether a byte of UTF-8 is inside of a character, not its first.
inline bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
/// Of a character, by its first byte.
inline unsigned character_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Reads the character at `p`; the text is well-formed UTF-8 and the character is whole. Returns its length.
inline unsigned decode(const char* p, std::uint32_t& code_point) {
  const auto byte = [p](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return code_point = lead, 1;
  if (lead < 0xE0) return code_point = (lead & 0x1F) << 6 | (byte(1) & 0x3F), 2;
  if (lead < 0xF0) return code_point = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3;
  code_point = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  return 4;
}

/// Writes a character; no surrogate, and at most 0x10FFFF.
inline void append_utf8(std::uint32_t c, std::string& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
}

}  // namespace ciyuan::token::internal
