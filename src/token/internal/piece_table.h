#pragma once

/// The pieces a vocabulary has counted before: short pieces of text and how many tokens each is. Bounded,
/// filled with the vocabulary's own tokens at the start, and shared by all threads without a lock.
///
/// A set is one cache line: four entries of 16 bytes, each a piece of up to 15 bytes, filled up with zeros;
/// the last byte has its length in the high half and its count in the low half (0: empty). An entry holds
/// the piece itself, so that a hit is always right. What finds its set full goes to the set beside it; where
/// that is full too, one of the eight has to go.
///
/// Threads: any. An entry is only ever loaded and stored as one aligned unit of 16 bytes, which processors
/// with AVX do in one piece (Intel SDM 3A, 9.1.1; AMD APM 2, 7.3.2); nothing else about a set has to agree.
/// The block counters load two or four entries at once, of which the manuals promise nothing: within a cache
/// line the processors known take each 16 bytes whole, and the tests with many threads try it.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

// What is loaded and stored as one unit is no data race, though ThreadSanitizer cannot know it.
#if defined(__SANITIZE_THREAD__)
#define CIYUAN_ONE_UNIT __attribute__((no_sanitize("thread")))
#else
#define CIYUAN_ONE_UNIT
#endif

namespace ciyuan::token::internal {

class PieceTable {
 public:
  static constexpr std::size_t kPieceMax = 15;
  static constexpr std::uint32_t kCountMax = 15;
  static constexpr std::size_t kWays = 4;

  struct alignas(16) Entry {
    std::uint64_t low = 0, high = 0;
  };
  static constexpr std::uint64_t kCountMask = std::uint64_t{15} << 56;

  /// `sets`: a power of two. Large pages are asked for.
  explicit PieceTable(std::size_t sets);
  ~PieceTable();
  PieceTable(const PieceTable&) = delete;
  PieceTable& operator=(const PieceTable&) = delete;

  /// Of a piece of 1 to kPieceMax bytes.
  static Entry key_of(std::string_view piece) {
    Entry key;
    std::memcpy(&key, piece.data(), piece.size());
    key.high |= static_cast<std::uint64_t>(piece.size()) << 60;
    return key;
  }
  static std::uint64_t hash_of(std::uint64_t low, std::uint64_t high) {
    return low * 0x9E3779B97F4A7C15u + high * 0xC2B2AE3D27D4EB4Fu;
  }
  /// The index of a key's set, by the top bits of its hash.
  std::size_t home_of(const Entry& key) const { return hash_of(key.low, key.high) >> shift_; }
  const Entry* entries() const { return entries_; }

  int shift() const { return shift_; }
  std::size_t places() const { return bytes_ / sizeof(Entry); }
  void prefetch(const Entry& key) const { __builtin_prefetch(entries_ + home_of(key) * kWays, 1); }

  /// The count, or 0.
  std::uint32_t find(const Entry& key) const {
    const std::size_t home = home_of(key);
    for (std::size_t way = 0; way < 2 * kWays; ++way) {
      const Entry entry = load(entry_at(home, way));
      if (entry.low == key.low && ((entry.high ^ key.high) & ~kCountMask) == 0)
        return static_cast<std::uint32_t>(entry.high >> 56 & 15);
    }
    return 0;
  }
  /// Counts of 0 or more than kCountMax are not kept.
  void put(const Entry& key, std::uint32_t count);
  /// False, where nothing is free: as put, but nothing goes.
  bool put_where_free(const Entry& key, std::uint32_t count);

 private:
#if defined(__x86_64__)
  // Compilers take the intrinsics apart where they know the halves: GCC 12 makes two stores of 8 bytes of one
  // of 16. What only this knows is in a register as a whole.
  static void keep_whole(__m128i& unit) { __asm__("" : "+x"(unit)); }
#endif
  CIYUAN_ONE_UNIT
  static Entry load(const Entry* from) {
#if defined(__x86_64__)
    __m128i unit = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
    keep_whole(unit);
    return {static_cast<std::uint64_t>(_mm_cvtsi128_si64(unit)),
            static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(unit, unit)))};
#else
    const auto unit = __atomic_load_n(reinterpret_cast<const unsigned __int128*>(from), __ATOMIC_RELAXED);
    return {static_cast<std::uint64_t>(unit), static_cast<std::uint64_t>(unit >> 64)};
#endif
  }
  CIYUAN_ONE_UNIT
  static void store(Entry* to, const Entry& entry) {
#if defined(__x86_64__)
    __m128i unit = _mm_set_epi64x(static_cast<long long>(entry.high), static_cast<long long>(entry.low));
    keep_whole(unit);
    _mm_store_si128(reinterpret_cast<__m128i*>(to), unit);
#else
    const auto unit = static_cast<unsigned __int128>(entry.high) << 64 | entry.low;
    __atomic_store_n(reinterpret_cast<unsigned __int128*>(to), unit, __ATOMIC_RELAXED);
#endif
  }

  /// Of the four of its set, and the four of the one beside it.
  Entry* entry_at(std::size_t home, std::size_t way) const {
    return entries_ + (home ^ way / kWays) * kWays + way % kWays;
  }

  Entry* entries_ = nullptr;
  std::size_t bytes_ = 0;
  int shift_ = 64;
};

}  // namespace ciyuan::token::internal
