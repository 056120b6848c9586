#pragma once

/// Whether the lines of one meter of one model fit together: no two in conflict, and no hole between them.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "price/book.h"

namespace ciyuan::price {

/// The first two lines that can both hold without one being inside the other, or are the same; by index.
struct Clash {
  std::uint32_t first = 0, second = 0;
  bool same = false;
};
std::optional<Clash> find_clash(std::span<const std::uint32_t> group, const std::vector<Line>& lines);

/// What the lines leave without a price, in words.
struct Coverage {
  /// Prompt lengths, hours or times that no line is for, though lines are for others beside them: an error.
  std::string gap;
  /// Regions, service classes or cache TTLs that no line is for at all: perhaps meant.
  std::vector<std::string> absent;
  /// Lines that never apply, since narrower ones take all of their calls.
  std::vector<std::uint32_t> idle;
};
/// The group has no clash. kTooLarge where its conditions make more than kCellsMax cases.
Result<Coverage> coverage_of(std::span<const std::uint32_t> group, const std::vector<Line>& lines,
                             const ConditionNames& names);
constexpr std::size_t kCellsMax = 2'000'000;

}  // namespace ciyuan::price
