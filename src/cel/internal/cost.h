#pragma once

/// The worst that an expression can cost, found before it runs: each node knows how large its value can be,
/// and each function how many steps it takes with arguments of those sizes. A step is one node evaluated, one
/// element visited, or 16 bytes read; the evaluation pays the same (internal/frame.h).

#include <cstdint>
#include <span>
#include <vector>

#include "cel/environment.h"
#include "cel/type.h"

namespace ciyuan::cel {

/// The largest value that a node can give.
struct Size {
  std::uint64_t own = 0;     ///< bytes of a text, items of a list or map; 0 for what has neither
  std::uint64_t volume = 1;  ///< steps to look at all of it: a value each, and 16 bytes each
  int part = -1;             ///< of what is in it, keys and values alike; -1: as large as itself
};

/// All numbers stay at the largest one rather than wrap.
std::uint64_t plus(std::uint64_t a, std::uint64_t b);
std::uint64_t times(std::uint64_t a, std::uint64_t b);

/// The sizes of one compilation.
class Sizes {
 public:
  Size of_variable(const Type& type, const Bound& bound);
  Size of_text(std::uint64_t bytes) const;
  Size of_list(std::uint64_t items, const Size& part);
  /// Of a value at hand.
  Size of_value(const Value& value);
  Size part(const Size& whole) const {
    return whole.part < 0 ? whole : parts_[static_cast<std::size_t>(whole.part)];
  }
  /// As large as either.
  Size merge(const Size& a, const Size& b);

 private:
  int keep(const Size& part);
  std::vector<Size> parts_;
};

struct Estimate {
  std::uint64_t steps = 0;  ///< beside the node's own and its arguments'
  Size size;
};
using CostRule = Estimate (*)(Sizes& sizes, std::span<const Size> arguments);

// Rules: what the functions of internal/library.h and internal/compare.h pay.
Estimate cost_nothing(Sizes&, std::span<const Size>);
Estimate cost_same(Sizes&, std::span<const Size>);  ///< gives its first argument, or a part that is no larger
Estimate cost_add(Sizes&, std::span<const Size>);
Estimate cost_order(Sizes&, std::span<const Size>);
Estimate cost_equal(Sizes&, std::span<const Size>);
Estimate cost_contained(Sizes&, std::span<const Size>);
Estimate cost_index(Sizes&, std::span<const Size>);
Estimate cost_read(Sizes&, std::span<const Size>);  ///< reads its first argument
Estimate cost_read_last(Sizes&, std::span<const Size>);
Estimate cost_to_text(Sizes&, std::span<const Size>);
Estimate cost_copy(Sizes&, std::span<const Size>);  ///< at most twice its first argument, and a little
Estimate cost_search(Sizes&, std::span<const Size>);
Estimate cost_match(Sizes&, std::span<const Size>);
Estimate cost_replace(Sizes&, std::span<const Size>);
Estimate cost_split(Sizes&, std::span<const Size>);
Estimate cost_join(Sizes&, std::span<const Size>);
Estimate cost_extreme(Sizes&, std::span<const Size>);

}  // namespace ciyuan::cel
