#pragma once

/// Counting one input under every vocabulary of a plan, in one pass and in bounded memory.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "cli/internal/count_plan.h"

namespace ciyuan::cli {

constexpr std::size_t kMalformedLinesNamed = 20;  ///< of one file; the others are only counted

struct Counted {
  std::vector<token::Tokens> tokens;  ///< one for each vocabulary of the plan
  std::uint64_t bytes = 0;            ///< of the texts that were counted
  std::uint64_t lines = 0;            ///< JSON lines that were counted
  std::uint64_t malformed = 0;        ///< JSON lines that were left out
  std::vector<Error> problems;        ///< why, for the first of them
};

/// What one JSON line holds.
using OnLine = std::function<void(const Counted& line, std::uint64_t number)>;

/// Adds the bytes read to `done` as it goes. JSON lines are counted on `threads`; a whole text on this one.
/// `on_line` may be empty; it is called on this thread, line by line, a batch after they were read.
Result<Counted> count_input(const CountPlan& plan, const std::string& name, const ReadBlock& read,
                            unsigned threads, std::atomic<std::uint64_t>& done, const OnLine& on_line);

}  // namespace ciyuan::cli
