#pragma once

/// Walking well-formed UTF-8 by characters. (What is not well-formed never becomes a string of CEL.)

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ciyuan::cel {

constexpr bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

inline std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += !continues(byte);
  return count;
}

/// The offset of the character behind the one at `at`.
inline std::size_t next_character(std::string_view text, std::size_t at) {
  do ++at;
  while (at < text.size() && continues(text[at]));
  return at;
}

/// The character at `at`.
inline std::uint32_t character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::uint32_t made = first < 0x80   ? first
                       : first < 0xE0 ? first & 0x1Fu
                       : first < 0xF0 ? first & 0x0Fu
                                      : first & 0x07u;
  for (++at; at < text.size() && continues(text[at]); ++at)
    made = made << 6 | (static_cast<unsigned char>(text[at]) & 0x3Fu);
  return made;
}

/// False, and nothing appended, for what is no character (a surrogate, over U+10FFFF).
inline bool append_character(std::string& text, std::uint32_t character) {
  if (character > 0x10FFFF || (character >= 0xD800 && character < 0xE000)) return false;
  const auto tail = [&](int shift) { text.push_back(static_cast<char>(0x80 | (character >> shift & 0x3F))); };
  if (character < 0x80) {
    text.push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    text.push_back(static_cast<char>(0xC0 | character >> 6));
    tail(0);
  } else if (character < 0x10000) {
    text.push_back(static_cast<char>(0xE0 | character >> 12));
    tail(6), tail(0);
  } else {
    text.push_back(static_cast<char>(0xF0 | character >> 18));
    tail(12), tail(6), tail(0);
  }
  return true;
}

}  // namespace ciyuan::cel
