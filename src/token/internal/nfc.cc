#include "token/internal/nfc.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <vector>

#include "token/internal/unicode.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ciyuan::token::internal {
namespace {

struct CombiningClass {
  std::uint32_t character;
  std::uint8_t value;
};
struct Decomposition {
  std::uint32_t character;
  std::uint32_t parts[4];
};
struct Composite {
  std::uint32_t first, second, whole;
};

#include "token/internal/nfc_tables.inc"

// Hangul, Unicode §3.12.
constexpr std::uint32_t kSBase = 0xAC00, kLBase = 0x1100, kVBase = 0x1161, kTBase = 0x11A7;
constexpr std::uint32_t kLCount = 19, kVCount = 21, kTCount = 28, kSCount = kLCount * kVCount * kTCount;

}  // namespace

std::uint8_t combining_class(std::uint32_t c) {
  const auto* found =
      std::lower_bound(std::begin(kCombiningClasses), std::end(kCombiningClasses), c,
                       [](const CombiningClass& row, std::uint32_t x) { return row.character < x; });
  return found != std::end(kCombiningClasses) && found->character == c ? found->value : 0;
}

namespace {

const Decomposition* decomposition(std::uint32_t c) {
  const auto* found =
      std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), c,
                       [](const Decomposition& row, std::uint32_t x) { return row.character < x; });
  return found != std::end(kDecompositions) && found->character == c ? found : nullptr;
}

}  // namespace

std::uint32_t compose(std::uint32_t first, std::uint32_t second) {
  if (first - kLBase < kLCount && second - kVBase < kVCount)
    return kSBase + ((first - kLBase) * kVCount + (second - kVBase)) * kTCount;
  if (first - kSBase < kSCount && (first - kSBase) % kTCount == 0 && second - (kTBase + 1) < kTCount - 1)
    return first + (second - kTBase);
  const auto before = [](const Composite& row, const Composite& x) {
    return row.first != x.first ? row.first < x.first : row.second < x.second;
  };
  const Composite wanted{first, second, 0};
  const auto* found = std::lower_bound(std::begin(kComposites), std::end(kComposites), wanted, before);
  return found != std::end(kComposites) && found->first == first && found->second == second ? found->whole
                                                                                            : 0;
}

namespace {

struct Character {
  std::uint32_t code_point;
  std::uint8_t combining_class;
};

void decompose(std::uint32_t c, std::vector<Character>& out) {
  if (c - kSBase < kSCount) {
    const std::uint32_t s = c - kSBase;
    out.push_back({kLBase + s / (kVCount * kTCount), 0});
    out.push_back({kVBase + s % (kVCount * kTCount) / kTCount, 0});
    if (s % kTCount != 0) out.push_back({kTBase + s % kTCount, 0});
  } else if (const Decomposition* row = decomposition(c)) {
    for (std::uint32_t part : row->parts)
      if (part != 0) out.push_back({part, combining_class(part)});
  } else {
    out.push_back({c, combining_class(c)});
  }
}

}  // namespace

void append_canonical(std::uint32_t c, std::u32string& out) {
  std::vector<Character> parts;
  decompose(c, parts);
  for (const Character& part : parts) out.push_back(part.code_point);
}

namespace {

void sort_marks(std::vector<Character>& text) {
  for (auto at = text.begin(); at != text.end();) {
    if (at->combining_class == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, text.end(), [](const Character& c) { return c.combining_class == 0; });
    std::stable_sort(at, end, [](const Character& a, const Character& b) {
      return a.combining_class < b.combining_class;
    });
    at = end;
  }
}

/// The composition algorithm of UAX #15: a character joins the last starter unless one between blocks it.
void compose_all(std::vector<Character>& text) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t starter = kNone, kept = 0;
  int last_class = -1;  // the class of the last kept character since the starter; -1: none in between
  for (const Character& c : text) {
    if (starter != kNone && (last_class == -1 || last_class < c.combining_class)) {
      if (const std::uint32_t whole = compose(text[starter].code_point, c.code_point)) {
        text[starter].code_point = whole;
        continue;
      }
    }
    if (c.combining_class == 0) {
      starter = kept;
      last_class = -1;
    } else {
      last_class = c.combining_class;
    }
    text[kept++] = c;
  }
  text.resize(kept);
}

std::vector<std::uint64_t> touched_bits() {
  std::vector<std::uint64_t> bits(0x110000 / 64);
  const auto set = [&bits](std::uint32_t c) { bits[c / 64] |= std::uint64_t{1} << (c % 64); };
  for (const CombiningClass& row : kCombiningClasses) set(row.character);
  for (const Composite& row : kComposites) set(row.second);
  for (std::uint32_t v = 0; v < kVCount; ++v) set(kVBase + v);
  for (std::uint32_t t = 1; t < kTCount; ++t) set(kTBase + t);
  for (const Decomposition& row : kDecompositions) {
    const bool comes_back =
        std::any_of(std::begin(kComposites), std::end(kComposites),
                    [&row](const Composite& pair) { return pair.whole == row.character; });
    // A composite that comes back is stable by itself, but only if its own decomposition starts with a
    // starter.
    if (!comes_back || combining_class(row.parts[0]) != 0) set(row.character);
  }
  return bits;
}

/// Normalises one segment: a character, and the touched ones after it.
void append_segment(std::string_view segment, std::string& out) {
  std::vector<Character> text;
  text.reserve(segment.size());
  for (std::size_t at = 0; at < segment.size();) {
    std::uint32_t c = 0;
    at += decode(segment.data() + at, c);
    decompose(c, text);
  }
  sort_marks(text);
  compose_all(text);
  for (const Character& c : text) append_utf8(c.code_point, out);
}

std::size_t character_before(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && continues_character(text[at]));
  return at;
}

}  // namespace

bool nfc_touches(std::uint32_t c) {
  static const std::vector<std::uint64_t> bits = touched_bits();
  return bits[c / 64] >> (c % 64) & 1;
}

#if defined(__SSE2__)
namespace {
// Of 16 bytes at `p`, those that begin a character which may be touched: none below CC, nor E4 to E9, nor
// U+3000 to U+3029, nor U+FF00 to U+FF7F. 18 bytes are read.
unsigned suspects(const char* p) {
  const auto load = [p](int at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + at)); };
  const auto is = [](__m128i some, int byte) {
    return _mm_cmpeq_epi8(some, _mm_set1_epi8(static_cast<char>(byte)));
  };
  const __m128i bytes = load(0), second = load(1);
  const auto above = [&](int least) {
    return _mm_cmpgt_epi8(bytes, _mm_set1_epi8(static_cast<char>(least - 1)));
  };
  const __m128i high = _mm_andnot_si128(above(0), above(0xCC - 256));
  const __m128i safe = _mm_andnot_si128(above(0xEA - 256), above(0xE4 - 256));
  const __m128i punctuation = _mm_and_si128(_mm_and_si128(is(bytes, 0xE3), is(second, 0x80)),
                                            _mm_cmplt_epi8(load(2), _mm_set1_epi8(static_cast<char>(0xAA))));
  const __m128i full_width = _mm_and_si128(is(bytes, 0xEF), _mm_or_si128(is(second, 0xBC), is(second, 0xBD)));
  const __m128i all_safe = _mm_or_si128(safe, _mm_or_si128(punctuation, full_width));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(all_safe, high)));
}
}  // namespace
#endif

std::size_t nfc_untouched_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
#if defined(__SSE2__)
    // Bytes inside of characters are no suspects, so that any 16 can be looked at.
    if (text.size() - at >= 18) {
      const unsigned found = suspects(text.data() + at);
      if (found == 0) {
        at += 16;
        continue;
      }
      at += static_cast<std::size_t>(std::countr_zero(found));
      std::uint32_t c = 0;
      const unsigned length = decode(text.data() + at, c);
      if (nfc_touches(c)) return at;
      at += length;
      continue;
    }
    while (at < text.size() && continues_character(text[at])) ++at;
    if (at == text.size()) break;
#endif
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      ++at;
    } else if (lead < 0xCC) {  // up to U+02FF nothing is touched
      at += 2;
    } else if (lead >= 0xE4 && lead <= 0xE9) {  // nor in U+4000..U+9FFF
      at += 3;
    } else {
      std::uint32_t c = 0;
      const unsigned length = decode(text.data() + at, c);
      if (nfc_touches(c)) return at;
      at += length;
    }
  }
  return at;
}

void append_nfc(std::string_view text, std::string& out) {
  while (!text.empty()) {
    std::size_t end = nfc_untouched_prefix(text);
    const std::size_t start = end == text.size() || end == 0 ? end : character_before(text, end);
    out.append(text.substr(0, start));
    while (end < text.size()) {
      std::uint32_t c = 0;
      const unsigned length = decode(text.data() + end, c);
      if (!nfc_touches(c)) break;
      end += length;
    }
    append_segment(text.substr(start, end - start), out);
    text.remove_prefix(end);
  }
}

std::size_t nfc_last_segment(std::string_view text, std::size_t known) {
  std::size_t at = text.size();
  while (at > known) {
    at = character_before(text, at);
    std::uint32_t c = 0;
    decode(text.data() + at, c);
    if (!nfc_touches(c)) return at;
  }
  return 0;
}

}  // namespace ciyuan::token::internal
