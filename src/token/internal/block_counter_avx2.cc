/// The tier for AVX2 and BMI2 (Haswell, Zen and later): a block is two registers.

#include "token/internal/block_counter.h"
#include "token/internal/engine.h"
#include "token/internal/matcher.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt,lzcnt")

#include "token/internal/block_rules.h"

namespace ciyuan::token::internal {
namespace {

struct Block {
  __m256i low, high;  // its first 32 bytes, and the others
  const char* text;
  unsigned bytes;
  bool is_end;
  std::uint64_t not_ascii, leads = 0;

  Block(const char* p, unsigned size, bool is_last)
      : low(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))),
        high(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))),
        text(p),
        bytes(size),
        is_end(is_last) {
    not_ascii = mask(low, high) & low_bits(bytes);
  }
  bool is_ascii() const { return not_ascii == 0; }

  static std::uint64_t mask(__m256i a, __m256i b) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(a)) |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(b))) << 32;
  }
  // Bytes of at least so much: unsigned, as a maximum that does not change.
  std::uint64_t from(unsigned least) const {
    const __m256i bound = _mm256_set1_epi8(static_cast<char>(least));
    return mask(_mm256_cmpeq_epi8(_mm256_max_epu8(low, bound), low),
                _mm256_cmpeq_epi8(_mm256_max_epu8(high, bound), high));
  }
  std::uint64_t is(char c) const {
    const __m256i wanted = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
  }
  std::uint64_t in(unsigned first, unsigned count) const {
    const __m256i base = _mm256_set1_epi8(static_cast<char>(first));
    const __m256i last = _mm256_set1_epi8(static_cast<char>(count - 1));
    const __m256i a = _mm256_sub_epi8(low, base), b = _mm256_sub_epi8(high, base);
    return mask(_mm256_cmpeq_epi8(_mm256_min_epu8(a, last), a),
                _mm256_cmpeq_epi8(_mm256_min_epu8(b, last), b));
  }

  std::uint64_t in_set(const AsciiSet& set) const {
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    const __m256i rows =
        _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(set.low.data())));
    const __m256i bits =
        _mm256_broadcastsi128_si256(_mm_set_epi64x(0, static_cast<long long>(0x8040201008040201)));
    const auto none = [&](__m256i half) __attribute__((always_inline)) {
      const __m256i row = _mm256_shuffle_epi8(rows, _mm256_and_si256(half, nibble));
      const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(half, 4), nibble));
      return _mm256_cmpeq_epi8(_mm256_and_si256(row, bit), _mm256_setzero_si256());
    };
    return ~mask(none(low), none(high));
  }

  // The characters before which a piece ends: no token crosses from the one before.
  std::uint64_t borders(const Borders& borders) const {
    const std::uint64_t known = (in(0xE3, 7) | is('\xEF')) & leads;
    std::uint64_t uncrossed = 0;
    for (std::uint64_t right = known & known << 3; right != 0; right &= right - 1) {
      const char* p = text + __builtin_ctzll(right);
      std::uint32_t l, r;
      __builtin_memcpy(&l, p - 3, 4);
      __builtin_memcpy(&r, p, 4);
      if (!borders.may_be_crossed(l & 0xFFFFFF, r & 0xFFFFFF)) uncrossed |= right & -right;
    }
    return uncrossed;
  }

  // Sum over the characters of U+4E00 to U+9FFF that begin at `some` of their tokens.
  std::uint64_t characters(std::uint64_t some, const std::uint8_t* tokens) const {
    std::uint64_t sum = 0;
    for (; some != 0; some &= some - 1) {
      std::uint32_t code_point = 0;
      decode(text + __builtin_ctzll(some), code_point);
      sum += tokens[code_point - 0x4E00];
    }
    return sum;
  }
};

/// The first `size` bytes at `p`, filled up with zeros; 16 can be read.
inline __m128i first_bytes(const char* p, unsigned size) {
  alignas(32) static constexpr std::uint8_t kKept[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                         255, 255, 255, 255, 255, 255, 255, 255};
  return _mm_and_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(kKept + 16 - size)));
}

using Total = std::uint64_t;

/// Adds the count that a set of the table has for a key; false if it has none. A set is two registers.
CIYUAN_ONE_UNIT inline bool find_in(const PieceTable::Entry* set, __m128i key, Total& total) {
  const __m256i first = _mm256_load_si256(reinterpret_cast<const __m256i*>(set));
  const __m256i second = _mm256_load_si256(reinterpret_cast<const __m256i*>(set + 2));
  const __m256i wanted = _mm256_broadcastsi128_si256(key);
  const __m256i kept =
      _mm256_broadcastsi128_si256(_mm_set_epi64x(static_cast<long long>(~PieceTable::kCountMask), -1));
  const __m256i same_first = _mm256_cmpeq_epi64(_mm256_and_si256(first, kept), wanted);
  const __m256i same_second = _mm256_cmpeq_epi64(_mm256_and_si256(second, kept), wanted);
  const auto same = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(same_first)) |
                                          _mm256_movemask_pd(_mm256_castsi256_pd(same_second)) << 4);
  const unsigned hit = same & same >> 1 & 0x55;
  if (hit == 0) [[unlikely]]
    return false;
  // Out of what was compared, not out of the table again, which may have changed since. Two threads may have
  // put the same piece in twice: the first counts.
  alignas(32) std::uint64_t words[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), first);
  _mm256_store_si256(reinterpret_cast<__m256i*>(words + 4), second);
  total += words[__builtin_ctz(hit) + 1] >> 56 & 15;
  return true;
}
inline std::uint64_t total_of(Total total) { return total; }

#include "token/internal/block_counter.inc"

}  // namespace

CountText avx2_counter(Pretokenizer family) { return counter_for(family); }

}  // namespace ciyuan::token::internal

#pragma GCC pop_options

#else

namespace ciyuan::token::internal {
CountText avx2_counter(Pretokenizer) { return nullptr; }
}  // namespace ciyuan::token::internal

#endif
