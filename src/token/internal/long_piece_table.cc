#include "token/internal/long_piece_table.h"

#include <cstring>

namespace ciyuan::token::internal {

LongPieceTable::Key LongPieceTable::key_of(std::string_view piece) {
  Key key;
  const std::size_t whole = piece.size() / 8;
  std::uint64_t hash = piece.size();
  std::size_t i = 0;
  const auto take = [&](std::uint64_t word) {
    key.words[i++] = word;
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  while (i < whole) {
    std::uint64_t word;
    std::memcpy(&word, piece.data() + i * 8, 8);
    take(word);
  }
  if (const std::size_t rest = piece.size() % 8; rest != 0) {
    // The last eight bytes, without those that were in the word before.
    std::uint64_t word;
    std::memcpy(&word, piece.data() + piece.size() - 8, 8);
    take(word >> (64 - 8 * rest));
  }
  while (i < kWords) key.words[i++] = 0;
  key.hash = hash * 0xC2B2AE3D27D4EB4Fu;
  return key;
}

std::uint32_t LongPieceTable::find(std::string_view piece) const {
  const Key key = key_of(piece);
  for (std::size_t way = 0; way < 2; ++way) {
    const Entry& entry = entries_[home(key, way)];
    const std::uint64_t head = entry.head.load(std::memory_order_acquire);
    if ((head & 0xFFFF) != piece.size() || (head >> 32 & 1) != 0) continue;
    std::uint64_t differ = 0;
    for (std::size_t i = 0; i < kWords; ++i)
      differ |= entry.text[i].load(std::memory_order_acquire) ^ key.words[i];
    if (differ == 0 && entry.head.load(std::memory_order_relaxed) == head)
      return static_cast<std::uint32_t>(head >> 16 & 0xFFFF);
  }
  return 0;
}

void LongPieceTable::put(std::string_view piece, std::uint32_t count) {
  const Key key = key_of(piece);
  const auto is_empty = [&](std::size_t way) {
    return entries_[home(key, way)].head.load(std::memory_order_relaxed) == 0;
  };
  // Where both are taken, one by turns, so that two pieces do not drive each other out for ever.
  thread_local std::size_t turn = 0;
  Entry& entry = entries_[home(key, is_empty(0) ? 0 : is_empty(1) ? 1 : turn++ & 1)];
  std::uint64_t head = entry.head.load(std::memory_order_relaxed);
  const std::uint64_t version = head >> 32;
  if ((version & 1) != 0) return;  // someone else writes it
  if (!entry.head.compare_exchange_strong(head, (version + 1) << 32, std::memory_order_acq_rel)) return;
  for (std::size_t i = 0; i < kWords; ++i) entry.text[i].store(key.words[i], std::memory_order_release);
  const std::uint64_t next = (version + 2) & 0xFFFFFFFF;
  entry.head.store(next << 32 | std::uint64_t{count} << 16 | piece.size(), std::memory_order_release);
}

}  // namespace ciyuan::token::internal
