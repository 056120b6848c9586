#include "token/internal/unicode.h"

#include <cstddef>
#include <iterator>
#include <vector>

#include "token/internal/character_sets.h"

namespace ciyuan::token::internal {
namespace {

struct ClassRun {
  std::uint32_t first;
  std::uint8_t bits;
};

constexpr ClassRun kRuns[] = {
#include "token/internal/unicode_classes.inc"
};

constexpr CharacterRange kHanRanges[] = {
#include "token/internal/unicode_han.inc"
};

constexpr std::size_t kCodePoints = 0x110000;

std::vector<std::uint8_t> flat_table() {
  std::vector<std::uint8_t> table(kCodePoints);
  for (std::size_t run = 0; run < std::size(kRuns); ++run) {
    const std::size_t end = run + 1 < std::size(kRuns) ? kRuns[run + 1].first : kCodePoints;
    for (std::size_t c = kRuns[run].first; c < end; ++c) table[c] = kRuns[run].bits;
  }
  return table;
}

}  // namespace

const std::uint8_t* classes() {
  static const std::vector<std::uint8_t> table = flat_table();
  return table.data();
}

const std::uint8_t* deepseek_classes() {
  static const std::vector<std::uint8_t> table = [] {
    std::vector<std::uint8_t> changed = flat_table();
    for (std::size_t c = 0; c < kCodePoints; ++c) {
      const bool cjk = (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF);
      changed[c] = static_cast<std::uint8_t>((changed[c] & ~kDigit) | (cjk ? kDeepseekCjk : 0));
    }
    return changed;
  }();
  return table.data();
}

const std::uint8_t* kimi_classes() {
  static const std::vector<std::uint8_t> table = [] {
    std::vector<std::uint8_t> changed = flat_table();
    for (std::uint8_t& bits : changed) bits &= static_cast<std::uint8_t>(~kDigit);
    for (const CharacterRange range : kHanRanges)
      for (std::size_t c = range.first; c <= range.last; ++c)
        changed[c] = static_cast<std::uint8_t>((changed[c] & ~(kUpper | kLower | kMark)) | kHan);
    return changed;
  }();
  return table.data();
}

}  // namespace ciyuan::token::internal
