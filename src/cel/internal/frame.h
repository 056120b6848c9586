#pragma once

/// What a function of the language has at hand while it runs. Work that grows with the size of values is paid
/// for in steps before it is done; the static cost of an expression (internal/cost.h) pays by the same rules
/// for the largest values that may come, so that no evaluation takes more steps than its program's cost.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cel/arena.h"
#include "cel/internal/code.h"
#include "cel/value.h"

namespace ciyuan::cel {

/// Bytes that one step reads or writes.
constexpr std::uint64_t kBytesOfStep = 16;
constexpr std::uint64_t steps_of_bytes(std::uint64_t bytes) { return bytes / kBytesOfStep; }
/// Finding a key in a sorted map: comparisons, each of at most the key's bytes.
constexpr std::uint64_t steps_of_find(std::uint64_t entries, std::uint64_t key_bytes) {
  return std::bit_width(entries) * (1 + steps_of_bytes(key_bytes));
}
/// Sorting a map's entries: comparisons, each of at most the longest key's bytes.
constexpr std::uint64_t steps_of_sort(std::uint64_t entries, std::uint64_t key_bytes) {
  return 2 * entries * std::bit_width(entries) * (1 + steps_of_bytes(key_bytes));
}

struct Frame {
  Arena& arena;
  std::uint64_t steps;  ///< left
  bool spent = false;   ///< steps or memory are used up: every result from now on is void
  const Code* code = nullptr;
  std::uint32_t where = 0;  ///< the code's index, named by its errors

  bool spend(std::uint64_t wanted) {
    if (wanted > steps) {
      steps = 0;
      spent = true;
      return false;
    }
    steps -= wanted;
    return true;
  }
  Value fail(Fault fault, std::int64_t detail = 0) const { return Value::error(fault, where, detail); }
  /// Of a failed spend(), or of an arena that has no more.
  Value exhausted() {
    spent = true;
    return fail(Fault::kSpent);
  }
  /// No overload for these kinds.
  Value no_overload(const Value* arguments, std::size_t count) const {
    std::int64_t kinds = static_cast<std::int64_t>(count) << 56;
    for (std::size_t i = 0; i < count && i < 7; ++i) {
      kinds |= static_cast<std::int64_t>(arguments[i].kind()) << (8 * i);
    }
    return fail(Fault::kNoOverload, kinds);
  }
  /// A copy of `text` in the arena, paid for.
  Value make_string(std::string_view text, Kind kind = Kind::kString);
  /// Room for text of that many bytes, paid for, or nullptr.
  char* make_room(std::size_t bytes) {
    return spend(steps_of_bytes(bytes)) ? arena.allocate(bytes) : nullptr;
  }
};

}  // namespace ciyuan::cel
