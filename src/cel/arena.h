#pragma once

/// Memory of an evaluation: values made by it stay until clear(). No heap is used before the first text or
/// list is made, and none beyond `bytes_max`. Room is paid for in steps, at most 32 bytes a step, so that the
/// default is more than the dearest expression of the default limits can take.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "cel/value.h"

namespace ciyuan::cel {

class Arena {
 public:
  static constexpr std::size_t kBytesMaxDefault = 8 << 20;

  explicit Arena(std::size_t bytes_max = kBytesMaxDefault) : bytes_max_(bytes_max) {}

  /// Uninitialised memory, aligned for a Value; nullptr when that is more than is left.
  char* allocate(std::size_t bytes);
  template <class T>
  T* allocate_array(std::size_t count) {
    return count > bytes_max_ / sizeof(T) ? nullptr : reinterpret_cast<T*>(allocate(count * sizeof(T)));
  }
  /// All values made from it end; the first block is kept for the next evaluation.
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  std::vector<Block> blocks_;
  std::size_t used_ = 0;  ///< of the last block
  std::size_t reserved_ = 0;
  std::size_t bytes_max_;
};

}  // namespace ciyuan::cel
