#pragma once

/// From the classes of a block's characters to where its pretokens begin, in operations on 64-bit words: bit
/// i stands for the i-th character of the block, which begins where a pretoken does. See matcher.h for the
/// expressions; each rule here is one of theirs, seen from the characters' side:
///
///   letters       begin a pretoken, unless the character before them is one they take with them
///   a blank       goes with what follows it, where that takes one
///   white space   ends after its last line end, and leaves its last character to what follows
///   punctuation   takes the line ends after it with it
///
/// A bit that hangs on characters behind the block is left out, never guessed: the block then ends earlier.

#include <cstdint>

#include "token/internal/pretokenizer.h"

#define CIYUAN_RULE __attribute__((always_inline)) inline

namespace ciyuan::token::internal {

/// Exclusive classes first: a character is one of letter, number, space, or none of them.
struct Characters {
  std::uint64_t letter = 0;
  std::uint64_t upper = 0;  ///< letters only ever capital
  std::uint64_t both = 0;   ///< letters without case
  std::uint64_t number = 0;
  std::uint64_t space = 0;    ///< all white space
  std::uint64_t newline = 0;  ///< \r \n
  std::uint64_t blank = 0;    ///< U+0020
  std::uint64_t quote = 0;    ///< '
  std::uint64_t slash = 0;
  std::uint64_t ascii_letter = 0;
  std::uint64_t ascii_other = 0;  ///< none of letter, number, space, in ASCII
  std::uint64_t control = 0;      ///< of these: U+0000 to U+001F, U+007F
  std::uint64_t cjk = 0;          ///< DeepSeek's third segment
  std::uint64_t irregular = 0;    ///< the rules do not know these
  unsigned count = 0;             ///< characters in the block
  bool is_end = false;            ///< the text ends with the block
};

struct Starts {
  std::uint64_t bits = 1;
  std::uint64_t quotes = 0;     ///< apostrophes that may begin a contraction: the caller looks at the letters
  std::uint64_t irregular = 0;  ///< bits from the first of these on are not valid
};

/// Bits below `count`.
constexpr std::uint64_t low_bits(unsigned count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// Digits in threes.
CIYUAN_RULE std::uint64_t number_starts(std::uint64_t number, unsigned most) {
  if (most == 1) return number;
  std::uint64_t starts = number & ~(number << 1);
  if ((number & number << 1 & number << 2 & number << 3) == 0) [[likely]]
    return starts;
  // The next start of a run is three digits on, while these three are digits.
  for (std::uint64_t fresh = starts; fresh != 0;) {
    fresh = (fresh << 3) & number & number << 1 & number << 2 & number << 3;
    starts |= fresh;
  }
  return starts;
}

/// Where white space begins pretokens. `taken`: line ends that belong to what is before them. `stops`:
/// classes to which white space leaves nothing.
CIYUAN_RULE std::uint64_t space_starts(const Characters& c, std::uint64_t taken, std::uint64_t stops,
                                       bool line_rule, bool all_at_end) {
  const std::uint64_t valid = low_bits(c.count);
  const std::uint64_t space = c.space & ~taken;
  const std::uint64_t newline = line_rule ? c.newline & ~taken : 0;
  const std::uint64_t inner = space & ~newline;
  std::uint64_t starts = space & ~(space << 1);
  // The last one before something else stands alone, or goes with it.
  starts |= inner & (~(c.space | stops) & valid) >> 1;
  // And after the last line end of a run, that is after any which no other follows in the run.
  if (std::uint64_t after = inner & newline << 1) {
    const bool touches_end = (inner >> (c.count - 1) & 1) != 0;
    if (((inner + after) & ~inner & newline) == 0 && !touches_end) [[likely]]
      return starts | after;
    for (; after != 0; after &= after - 1) {
      const std::uint64_t first = after & -after, sum = inner + first, end = sum & ~inner;
      const bool reaches_end = sum < inner || (end & ~valid) != 0;
      if (reaches_end ? c.is_end && !all_at_end : (end & newline) == 0) starts |= first;
    }
  }
  return starts;
}

/// Line ends right after punctuation, which takes them with it.
CIYUAN_RULE std::uint64_t taken_newlines(std::uint64_t newline, std::uint64_t other) {
  const std::uint64_t first = newline & other << 1;
  return newline & ~(newline + first);
}

/// cl100k, Qwen, Llama 3.
template <unsigned kDigits, bool kAllAtEnd>
CIYUAN_RULE Starts gpt4_starts(const Characters& c) {
  const std::uint64_t valid = low_bits(c.count);
  const std::uint64_t other = valid & ~(c.letter | c.number | c.space);
  const std::uint64_t other_starts = other & ~(other << 1);
  const std::uint64_t after_blank = c.blank << 1;
  const std::uint64_t taken = taken_newlines(c.newline, other);
  const std::uint64_t alone = other_starts & ~(other >> 1) & ~after_blank;
  const std::uint64_t goes_along = (c.space & ~c.newline) | alone;
  Starts starts;
  starts.bits |= space_starts(c, taken, 0, true, kAllAtEnd);
  starts.bits |= other_starts & ~after_blank;
  starts.bits |= number_starts(c.number, kDigits);
  starts.bits |= c.letter & ~(c.letter << 1) & ~(goes_along << 1);
  starts.quotes = c.quote & other_starts & ~after_blank;
  starts.irregular = c.irregular;
  return starts;
}

/// Letters without case that follow small ones: a word that has come to these goes on through small letters
/// and letters without case alone.
CIYUAN_RULE std::uint64_t after_small(const Characters& c) {
  const std::uint64_t small = c.letter & ~c.upper & ~c.both;
  return c.both & ~(c.both + (c.both & small << 1));
}

/// o200k: words are cut before a capital that follows a small letter, and take a contraction with them.
/// Tekken's do not, and its digits stand alone.
template <unsigned kDigits, bool kContractions>
CIYUAN_RULE Starts o200k_starts(const Characters& c) {
  const std::uint64_t small = c.letter & ~c.upper & ~c.both;
  Starts starts = gpt4_starts<kDigits, false>(c);
  const std::uint64_t valid = low_bits(c.count);
  const std::uint64_t other = valid & ~(c.letter | c.number | c.space);
  starts.bits |= c.upper & (small | after_small(c)) << 1;
  starts.quotes = kContractions ? c.quote & c.letter << 1 : 0;
  starts.irregular |= c.slash & taken_newlines(c.newline, other) << 1;
  // Capitals after letters without case, where no small letter came before: they belong to the word if a
  // small letter or one without case follows them, and are given back where none does.
  for (std::uint64_t open = c.upper & (c.both & ~after_small(c)) << 1; open != 0; open &= open - 1) {
    const std::uint64_t first = open & -open;
    const std::uint64_t end = (c.upper + first) & ~c.upper;
    if (c.upper + first < first || (end & ~valid) != 0) {
      (c.is_end ? starts.bits : starts.irregular) |= first;
    } else if ((end & c.letter) == 0) {
      starts.bits |= first;
    }
  }
  return starts;
}

/// GPT-2's expression between single digits.
CIYUAN_RULE Starts smollm2_starts(const Characters& c) {
  const std::uint64_t valid = low_bits(c.count);
  const std::uint64_t other = valid & ~(c.letter | c.number | c.space);
  const std::uint64_t other_starts = other & ~(other << 1);
  const std::uint64_t after_blank = c.blank << 1;
  Starts starts;
  starts.bits |= space_starts(c, 0, c.number, false, false);
  starts.bits |= other_starts & ~after_blank;
  starts.bits |= c.number;
  starts.bits |= c.letter & ~(c.letter << 1) & ~after_blank;
  starts.quotes = c.quote & other_starts & ~after_blank;
  starts.irregular = c.irregular;
  return starts;
}

/// GPT-2: a blank goes with whatever follows it.
CIYUAN_RULE Starts gpt2_starts(const Characters& c) {
  const std::uint64_t other = low_bits(c.count) & ~(c.letter | c.number | c.space);
  const std::uint64_t other_starts = other & ~(other << 1);
  const std::uint64_t after_blank = c.blank << 1;
  Starts starts;
  starts.bits |= space_starts(c, 0, 0, false, false);
  starts.bits |=
      (other_starts | (c.letter & ~(c.letter << 1)) | (c.number & ~(c.number << 1))) & ~after_blank;
  starts.quotes = c.quote & other_starts & ~after_blank;
  starts.irregular = c.irregular;
  return starts;
}

/// DeepSeek V3: numbers, Chinese and kana are set apart first; in what is left, one ASCII sign goes along
/// with ASCII letters after it. `letter` holds marks too.
CIYUAN_RULE Starts deepseek_starts(const Characters& c) {
  const std::uint64_t valid = low_bits(c.count);
  const std::uint64_t other = valid & ~(c.letter | c.number | c.space);
  const std::uint64_t other_starts = other & ~(other << 1);
  const std::uint64_t after_blank = c.blank << 1;
  const std::uint64_t taken = taken_newlines(c.newline, other);
  const std::uint64_t letter = c.letter & ~c.cjk;
  const std::uint64_t alone =
      other_starts & ~(other >> 1) & ~after_blank & c.ascii_other & c.ascii_letter >> 1;
  const std::uint64_t goes_along = (c.space & ~c.newline) | alone;
  Starts starts;
  starts.bits |= space_starts(c, taken, c.number | c.cjk, true, false);
  starts.bits |= other_starts & ~after_blank;
  starts.bits |= number_starts(c.number, 3);
  starts.bits |= letter & ~(letter << 1) & ~(goes_along << 1);
  starts.bits |= c.cjk & ~(c.cjk << 1);
  // Where the letters that go along with a sign end, other letters begin anew.
  starts.irregular = c.irregular | c.control | (letter & ~c.ascii_letter & c.ascii_letter << 1);
  return starts;
}

/// The families that have rules here; the others are counted by their matchers.
template <Pretokenizer kFamily>
constexpr bool has_block_rules = kFamily != Pretokenizer::kKimiK2&& kFamily != Pretokenizer::kRegex;

template <Pretokenizer kFamily>
CIYUAN_RULE Starts starts_of(const Characters& c) {
  if constexpr (kFamily == Pretokenizer::kO200k) return o200k_starts<3, true>(c);
  if constexpr (kFamily == Pretokenizer::kTekken) return o200k_starts<1, false>(c);
  if constexpr (kFamily == Pretokenizer::kGpt2) return gpt2_starts(c);
  if constexpr (kFamily == Pretokenizer::kQwen35) return gpt4_starts<1, false>(c);
  if constexpr (kFamily == Pretokenizer::kCl100k) return gpt4_starts<3, true>(c);
  if constexpr (kFamily == Pretokenizer::kQwen2) return gpt4_starts<1, false>(c);
  if constexpr (kFamily == Pretokenizer::kLlama3) return gpt4_starts<3, false>(c);
  if constexpr (kFamily == Pretokenizer::kDeepseekV3) return deepseek_starts(c);
  if constexpr (kFamily == Pretokenizer::kSmollm2) return smollm2_starts(c);
}

}  // namespace ciyuan::token::internal
