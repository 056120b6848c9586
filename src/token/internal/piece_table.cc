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

bool PieceTable::put_where_free(const Entry& key, std::uint32_t count) {
  if (count == 0 || count > kCountMax) return true;
  const std::size_t home = home_of(key);
  for (std::size_t way = 0; way < 2 * kWays; ++way) {
    Entry* entry = entry_at(home, way);
    if (load(entry).high != 0) continue;
    store(entry, {key.low, key.high | static_cast<std::uint64_t>(count) << 56});
    return true;
  }
  return false;
}

void PieceTable::put(const Entry& key, std::uint32_t count) {
  if (put_where_free(key, count)) return;
  // Which one goes must not hang on the key alone, or two pieces could drive each other out for ever.
  thread_local std::size_t turn = 0;
  store(entry_at(home_of(key), turn++ % kWays),
        {key.low, key.high | static_cast<std::uint64_t>(count) << 56});
}

}  // namespace ciyuan::token::internal
