#pragma once

/// The same as PieceTable for longer pieces: identifiers, indentation, words of scripts with two or three
/// bytes a letter. An entry is one cache line and holds the piece itself; a piece may be in either of two.
///
/// Threads: any, without a lock. An entry's first word has a version that is odd while a thread writes; who
/// reads takes what he read only if the version was even and is still the same (a sequence lock, H.-J. Boehm,
/// "Can seqlocks get along with programming language memory models?", 2012). Who finds an entry being written
/// counts for himself.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace ciyuan::token::internal {

class LongPieceTable {
 public:
  static constexpr std::size_t kPieceMin = 16;
  static constexpr std::size_t kPieceMax = 56;
  static constexpr std::size_t kEntries = 1 << 15;

  /// The count, or 0. The piece has kPieceMin to kPieceMax bytes.
  std::uint32_t find(std::string_view piece) const;
  void put(std::string_view piece, std::uint32_t count);

 private:
  static constexpr std::size_t kWords = 7;
  struct alignas(64) Entry {
    std::atomic<std::uint64_t> head{0};  ///< version, 32 bits; count, 16; size, 16
    std::atomic<std::uint64_t> text[kWords]{};
  };
  struct Key {
    std::uint64_t words[kWords];
    std::uint64_t hash;
  };
  static Key key_of(std::string_view piece);
  /// The two entries a piece may be in.
  std::size_t home(const Key& key, std::size_t way) const { return key.hash >> 49 ^ way; }

  std::unique_ptr<Entry[]> entries_ = std::make_unique<Entry[]>(kEntries);
};

}  // namespace ciyuan::token::internal
