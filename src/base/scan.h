#pragma once

/// Looking for single bytes in long texts, sixteen at a time where the processor can (SSE2 is part of
/// x86-64). The library's find_first_of() makes a call for each byte it looks at.

#include <bit>
#include <cstddef>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ciyuan {

/// Where the first of the two characters stands at or after `from`; text.size() where neither does.
inline std::size_t find_either(std::string_view text, char a, char b, std::size_t from) {
  std::size_t at = from;
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(a), second = _mm_set1_epi8(b);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const auto found = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, first), _mm_cmpeq_epi8(block, second))));
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
  }
#endif
  while (at < text.size() && text[at] != a && text[at] != b) ++at;
  return at;
}

/// How many bytes from `from` on are printable ASCII or above, and neither quote nor backslash: what may
/// stand in a JSON string as it is (RFC 8259 §7). Counted from the text's beginning: the position of the
/// first other byte.
inline std::size_t skip_plain_json(std::string_view text, std::size_t from) {
  std::size_t at = from;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
  for (; at + 16 <= text.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(block, control), block);
    const __m128i is_mark = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(is_control, is_mark)));
    if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
  }
#endif
  while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != '"' &&
         text[at] != '\\')
    ++at;
  return at;
}

/// The first byte at or after `from` that is not ASCII; text.size() where all are.
inline std::size_t skip_ascii(std::string_view text, std::size_t from) {
  std::size_t at = from;
#if defined(__SSE2__)
  for (; at + 16 <= text.size(); at += 16) {
    const auto high = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at))));
    if (high != 0) return at + static_cast<std::size_t>(std::countr_zero(high));
  }
#endif
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace ciyuan
