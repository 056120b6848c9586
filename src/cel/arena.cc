#include "cel/arena.h"

#include <algorithm>

namespace ciyuan::cel {

namespace {

constexpr std::size_t kBlockBytes = 4096;

}  // namespace

char* Arena::allocate(std::size_t bytes) {
  if (bytes > bytes_max_) return nullptr;
  bytes = (bytes + alignof(Value) - 1) & ~(alignof(Value) - 1);
  if (blocks_.empty() || blocks_.back().size - used_ < bytes) {
    const std::size_t left = bytes_max_ - reserved_;
    if (bytes > left) return nullptr;
    const std::size_t size =
        std::max(bytes, std::min(left, kBlockBytes << std::min<std::size_t>(blocks_.size(), 6)));
    blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    reserved_ += size;
    used_ = 0;
  }
  char* made = blocks_.back().bytes.get() + used_;
  used_ += bytes;
  return made;
}

void Arena::clear() {
  if (blocks_.size() > 1) blocks_.resize(1);
  reserved_ = blocks_.empty() ? 0 : blocks_.front().size;
  used_ = 0;
}

}  // namespace ciyuan::cel
