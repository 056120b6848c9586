#pragma once

/// A direct-mapped cache from short pretokens to their token counts. An entry holds the piece itself, so a
/// hit is always right; a collision overwrites.

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace ciyuan::token::internal {

class PieceCache {
 public:
  static constexpr std::size_t kEntries = 1 << 16;
  static constexpr std::size_t kPieceMax = 15;

  /// The calling thread's cache for a vocabulary; valid until the thread asks for kVocabularies others.
  static PieceCache& of_this_thread(std::uint64_t serial);

  /// 15 bytes of piece; the last byte has its length (high half) and its count (low half; 0: empty entry).
  struct Key {
    std::uint64_t low = 0, high = 0;
  };

  /// `end`: up to where memory may be read. The piece has 1..kPieceMax bytes.
  static Key key_of(std::string_view piece, const char* end) {
    Key key;
    if (end - piece.data() >= 16) [[likely]] {
      std::memcpy(&key, piece.data(), 16);
      const std::size_t bits = piece.size() * 8;
      key.low = bits >= 64 ? key.low : key.low & ((std::uint64_t{1} << bits) - 1);
      key.high = bits <= 64 ? 0 : key.high & ((std::uint64_t{1} << (bits - 64)) - 1);
    } else {
      std::memcpy(&key, piece.data(), piece.size());
    }
    key.high |= static_cast<std::uint64_t>(piece.size()) << 60;
    return key;
  }
  /// The count, or 0.
  std::uint32_t find(const Key& key) const {
    const Key& entry = entries_[slot(key)];
    // All bits but the count's must agree; the count sits in bits 56..59 of `high`.
    if (entry.low != key.low || ((entry.high ^ key.high) & ~kCountMask) != 0) return 0;
    return static_cast<std::uint32_t>(entry.high >> 56 & 15);
  }
  void put(const Key& key, std::uint32_t count) {
    if (count == 0 || count > 15) return;
    entries_[slot(key)] = {key.low, key.high | static_cast<std::uint64_t>(count) << 56};
  }

 private:
  static constexpr std::uint64_t kCountMask = std::uint64_t{15} << 56;
  static std::size_t slot(const Key& key) {
    std::uint64_t hash = (key.low ^ (key.high << 23 | key.high >> 41)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    return (hash * 0x9FB21C651E98DF25u) >> 48;
  }
  std::vector<Key> entries_ = std::vector<Key>(kEntries);
};

}  // namespace ciyuan::token::internal
