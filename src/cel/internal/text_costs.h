#pragma once

/// Steps of work on texts; the functions pay them, and the static cost counts with them.

#include <cstdint>

#include "cel/internal/frame.h"

namespace ciyuan::cel {

/// Finding a text in another tries each place.
constexpr std::uint64_t steps_of_search(std::uint64_t bytes, std::uint64_t wanted) {
  return steps_of_bytes(bytes) * (2 + steps_of_bytes(wanted)) + steps_of_bytes(wanted);
}
/// RE2's automaton is linear in the text; patterns are small (kPatternSizeMax).
constexpr std::uint64_t steps_of_match(std::uint64_t bytes) { return 4 + 4 * steps_of_bytes(bytes); }
constexpr int kPatternSizeMax = 1000;

}  // namespace ciyuan::cel
