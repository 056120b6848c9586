/// The tier for AVX-512 with VBMI2 (Ice Lake, Zen 4 and later): a block is one register.

#include "token/internal/block_counter.h"
#include "token/internal/engine.h"
#include "token/internal/matcher.h"

#if defined(__x86_64__)

// GCC 12 warns of the undefined registers that its own header passes on purpose (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt,lzcnt")

#include "token/internal/block_rules.h"

namespace ciyuan::token::internal {
namespace {

struct Block {
  __m512i text;
  unsigned bytes;
  bool is_end;
  std::uint64_t not_ascii, leads = 0;

  Block(const char* p, unsigned size, bool is_last)
      : text(_mm512_loadu_si512(p)), bytes(size), is_end(is_last) {
    not_ascii = _mm512_movepi8_mask(text) & low_bits(bytes);
  }
  bool is_ascii() const { return not_ascii == 0; }

  std::uint64_t from(unsigned least) const {
    return _mm512_cmpge_epu8_mask(text, _mm512_set1_epi8(static_cast<char>(least)));
  }
  std::uint64_t is(char c) const { return _mm512_cmpeq_epi8_mask(text, _mm512_set1_epi8(c)); }
  std::uint64_t in(unsigned first, unsigned count) const {
    return _mm512_cmplt_epu8_mask(_mm512_sub_epi8(text, _mm512_set1_epi8(static_cast<char>(first))),
                                  _mm512_set1_epi8(static_cast<char>(count)));
  }

  std::uint64_t in_set(const AsciiSet& set) const {
    const __m512i nibble = _mm512_set1_epi8(0x0F);
    const __m512i low = _mm512_and_si512(text, nibble);
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(text, 4), nibble);
    const __m512i rows =
        _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(set.low.data())));
    const __m512i bits =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0, static_cast<long long>(0x8040201008040201)));
    return _mm512_test_epi8_mask(_mm512_shuffle_epi8(rows, low), _mm512_shuffle_epi8(bits, high));
  }

  // The characters before which a piece ends: no token crosses from the one before.
  std::uint64_t borders(const Borders& borders) const {
    const std::uint64_t known = (in(0xE3, 7) | is('\xEF')) & leads;
    const std::uint64_t right = known & known << 3;
    if (right == 0) return 0;
    std::uint64_t uncrossed = 0;
    const __m512i places = _mm512_maskz_compress_epi8(right, iota());
    const int count = __builtin_popcountll(right);
    const auto test = [&](__m128i some) __attribute__((always_inline)) {
      const __m512i place = _mm512_mullo_epi32(_mm512_cvtepu8_epi32(some), _mm512_set1_epi32(0x010101));
      const __m512i right_bytes = _mm512_add_epi32(place, _mm512_set1_epi32(0x00020100));
      const __m512i left_bytes = _mm512_sub_epi32(right_bytes, _mm512_set1_epi32(0x00030303));
      constexpr __mmask64 kThree = 0x7777777777777777;
      const __m512i r = _mm512_maskz_permutexvar_epi8(kThree, right_bytes, text);
      const __m512i l = _mm512_maskz_permutexvar_epi8(kThree, left_bytes, text);
      const __m512i hash =
          _mm512_xor_si512(_mm512_mullo_epi32(l, _mm512_set1_epi32(static_cast<int>(Borders::kLeft))),
                           _mm512_mullo_epi32(r, _mm512_set1_epi32(static_cast<int>(Borders::kRight))));
      const __m512i index = _mm512_srli_epi32(hash, 32 - Borders::kIndexBits);
      const __m512i words = _mm512_i32gather_epi32(_mm512_srli_epi32(index, 5), borders.bits(), 4);
      const __m512i bit =
          _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(index, _mm512_set1_epi32(31)));
      return static_cast<std::uint64_t>(_mm512_testn_epi32_mask(words, bit));
    };
    uncrossed = test(_mm512_castsi512_si128(places));
    if (count > 16) uncrossed |= test(_mm512_extracti32x4_epi32(places, 1)) << 16;
    return _pdep_u64(uncrossed & low_bits(static_cast<unsigned>(count)), right);
  }

  // Sum over the characters of U+4E00 to U+9FFF that begin at `some` of their tokens.
  std::uint64_t characters(std::uint64_t some, const std::uint8_t* tokens) const {
    const __m512i places = _mm512_maskz_compress_epi8(some, iota());
    const int count = __builtin_popcountll(some);
    const auto sum = [&](__m128i positions, std::uint64_t kept) __attribute__((always_inline)) {
      const __m512i place = _mm512_mullo_epi32(_mm512_cvtepu8_epi32(positions), _mm512_set1_epi32(0x010101));
      const __m512i three =
          _mm512_permutexvar_epi8(_mm512_add_epi32(place, _mm512_set1_epi32(0x00020100)), text);
      // 1110xxxx 10yyyyyy 10zzzzzz, the first byte lowest.
      const __m512i x = _mm512_and_si512(_mm512_slli_epi32(three, 12), _mm512_set1_epi32(0xF000));
      const __m512i y = _mm512_and_si512(_mm512_srli_epi32(three, 2), _mm512_set1_epi32(0x0FC0));
      const __m512i z = _mm512_and_si512(_mm512_srli_epi32(three, 16), _mm512_set1_epi32(0x003F));
      const __m512i index =
          _mm512_sub_epi32(_mm512_or_si512(x, _mm512_or_si512(y, z)), _mm512_set1_epi32(0x4E00));
      const __m512i found =
          _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), static_cast<__mmask16>(kept), index, tokens, 1);
      return _mm512_and_si512(found, _mm512_set1_epi32(0xFF));
    };
    __m512i total = sum(_mm512_castsi512_si128(places), low_bits(static_cast<unsigned>(count)));
    if (count > 16)
      total = _mm512_add_epi32(
          total, sum(_mm512_extracti32x4_epi32(places, 1), low_bits(static_cast<unsigned>(count - 16))));
    return static_cast<std::uint64_t>(_mm512_reduce_add_epi32(total));
  }

  static __m512i iota() {
    alignas(64) static constexpr std::uint8_t kIota[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    return _mm512_load_si512(kIota);
  }
};

/// The first `size` bytes at `p`, filled up with zeros; 16 can be read.
inline __m128i first_bytes(const char* p, unsigned size) {
  return _mm_maskz_loadu_epi8(static_cast<__mmask16>(_bzhi_u32(0xFFFF, size)), p);
}

using Total = __m512i;

/// Adds the count that a set of the table has for a key; false if it has none. A set is one register, and the
/// count is added where it stands: nothing waits for it.
CIYUAN_ONE_UNIT inline bool find_in(const PieceTable::Entry* set, __m128i key, Total& total) {
  const __m512i entries = _mm512_load_si512(set);
  const __m512i kept =
      _mm512_broadcast_i32x4(_mm_set_epi64x(static_cast<long long>(~PieceTable::kCountMask), -1));
  const unsigned differ =
      _mm512_test_epi64_mask(_mm512_xor_si512(entries, _mm512_broadcast_i32x4(key)), kept);
  unsigned hit = ~differ & (~differ >> 1) & 0x55;
  if (hit == 0) [[unlikely]]
    return false;
  hit &= -hit;  // two threads may have put the same piece in twice
  total = _mm512_mask_add_epi64(total, static_cast<__mmask8>(hit << 1), total,
                                _mm512_and_si512(_mm512_srli_epi64(entries, 56), _mm512_set1_epi64(15)));
  return true;
}
inline std::uint64_t total_of(Total total) {
  return static_cast<std::uint64_t>(_mm512_reduce_add_epi64(total));
}

#include "token/internal/block_counter.inc"

}  // namespace

CountText avx512_counter(Pretokenizer family) { return counter_for(family); }

}  // namespace ciyuan::token::internal

#pragma GCC pop_options

#else

namespace ciyuan::token::internal {
CountText avx512_counter(Pretokenizer) { return nullptr; }
}  // namespace ciyuan::token::internal

#endif
