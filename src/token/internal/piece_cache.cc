#include "token/internal/piece_cache.h"

namespace ciyuan::token::internal {

PieceCache& PieceCache::of_this_thread(std::uint64_t serial) {
  // A thread rarely serves more models at once; more only cost the warm-up again.
  constexpr std::size_t kVocabularies = 8;
  struct Slot {
    std::uint64_t serial = 0;
    std::uint64_t used = 0;
    std::unique_ptr<PieceCache> cache;
  };
  thread_local std::array<Slot, kVocabularies> slots;
  thread_local std::uint64_t clock = 0;
  ++clock;
  Slot* oldest = &slots[0];
  for (Slot& slot : slots) {
    if (slot.serial == serial && slot.cache) {
      slot.used = clock;
      return *slot.cache;
    }
    if (slot.used < oldest->used) oldest = &slot;
  }
  *oldest = {serial, clock, std::make_unique<PieceCache>()};
  return *oldest->cache;
}

}  // namespace ciyuan::token::internal
