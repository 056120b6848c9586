#include "token/internal/piece_table.h"

#include <sys/mman.h>

#include <bit>
#include <new>

namespace ciyuan::token::internal {

PieceTable::PieceTable(std::size_t sets) : bytes_(sets * kWays * sizeof(Entry)) {
  constexpr std::size_t kLargePage = 2 << 20;
  const std::size_t align = bytes_ >= kLargePage ? kLargePage : 64;
  entries_ = static_cast<Entry*>(::operator new (bytes_, std::align_val_t{align}));
#if defined(MADV_HUGEPAGE)
  // Sets are touched all over the table: with small pages each would miss the first level of the TLB. Where
  // there are no large pages, nothing is lost.
  if (bytes_ >= kLargePage) (void)::madvise(entries_, bytes_, MADV_HUGEPAGE);
#endif
  std::memset(static_cast<void*>(entries_), 0, bytes_);
  shift_ = 64 - std::countr_zero(sets);
}

PieceTable::~PieceTable() {
  constexpr std::size_t kLargePage = 2 << 20;
  ::operator delete (entries_, std::align_val_t{bytes_ >= kLargePage ? kLargePage : 64});
}

void PieceTable::put(const Entry& key, std::uint32_t count) {
  if (count == 0 || count > kCountMax) return;
  const std::uint64_t hash = hash_of(key.low, key.high);
  Entry* set = entries_ + (hash >> shift_) * kWays;
  int way = 0;
  while (way < kWays && load(set + way).high != 0) ++way;
  if (way == kWays) {
    // Any of the four: which one must not hang on the key alone, or two pieces could drive each other out for
    // ever.
    thread_local std::uint32_t turn = 0;
    way = static_cast<int>(turn++ % kWays);
  }
  store(set + way, {key.low, key.high | static_cast<std::uint64_t>(count) << 56});
}

}  // namespace ciyuan::token::internal
