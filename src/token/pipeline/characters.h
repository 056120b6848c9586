#pragma once

/// What the parts of a tokenizer.json know of characters, in the versions of Unicode that the reference was
/// built with. Any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/grapheme_rules.h"

namespace ciyuan::token::pipeline {

/// Bits of a character.
enum : std::uint8_t {
  kWhite = 1,            ///< White_Space
  kWord = 2,             ///< \w of Rust's regex
  kPunctuation = 4,      ///< of Punctuation and BertPreTokenizer
  kMark = 8,             ///< what StripAccents takes away
  kNonspacing = 16,      ///< what BertNormalizer takes away after NFD
  kCleanedAway = 32,     ///< what BertNormalizer's clean_text takes away
  kCleanedToSpace = 64,  ///< and what it makes a space
  kNumeric = 128         ///< what Digits sets apart
};
std::uint8_t flags(std::uint32_t c);

/// A number for the character's script as UnicodeScripts sees it; 0: any script.
unsigned script(std::uint32_t c);

/// The character in lower case; `second` is 0 unless it becomes two.
std::uint32_t lowercase(std::uint32_t c, std::uint32_t& second);

/// The full compatibility decomposition, in UTF-8; empty if it is the canonical one.
std::string_view compatible(std::uint32_t c);

/// Where a grapheme cluster ends (UAX #29, extended), one character after the other.
class ClusterBreaker {
 public:
  /// True where the character begins a new cluster; the first always does.
  bool begins(std::uint32_t c);
  /// Whether there is a break between the two whatever stands before and after them.
  static bool always_breaks(std::uint32_t before, std::uint32_t after);

 private:
  GraphemeRules rules_;
};

}  // namespace ciyuan::token::pipeline
