#include "token/internal/character_sets.h"

#include <algorithm>
#include <iterator>

#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

constexpr std::uint32_t kCodePoints = 0x110000;

struct CategoryRun {
  std::uint32_t first;
  std::uint8_t category;
};

constexpr CategoryRun kRuns[] = {
#include "token/internal/unicode_categories.inc"
};

constexpr CharacterRange kHanRanges[] = {
#include "token/internal/unicode_han.inc"
};

constexpr std::string_view kCategories[] = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
                                            "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
                                            "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co"};

/// Neighbouring ranges become one.
void append(std::vector<CharacterRange>& ranges, CharacterRange range) {
  if (!ranges.empty() && ranges.back().last + 1 == range.first)
    ranges.back().last = range.last;
  else
    ranges.push_back(range);
}

std::vector<CharacterRange> of_class(std::uint8_t bit) {
  std::vector<CharacterRange> ranges;
  for (std::uint32_t c = 0; c < kCodePoints; ++c)
    if (classes()[c] & bit) append(ranges, {c, c});
  return ranges;
}

}  // namespace

std::optional<std::vector<CharacterRange>> character_set(std::string_view name) {
  if (name == "Han" || name == "Script=Han")
    return std::vector<CharacterRange>(std::begin(kHanRanges), std::end(kHanRanges));
  if (name == "s") return of_class(kSpace);
  if (name == "numeric") return of_class(kDigit);
  const auto fits = [name](std::uint8_t category) {
    return category > 0 && kCategories[category - 1].starts_with(name);
  };
  if (name.empty() || name.size() > 2) return std::nullopt;
  if (std::none_of(std::begin(kCategories), std::end(kCategories),
                   [name](std::string_view each) { return each.starts_with(name); }))
    return std::nullopt;
  if (name == "C") return std::nullopt;  // with what is not assigned, which is not listed
  std::vector<CharacterRange> ranges;
  for (std::size_t run = 0; run < std::size(kRuns); ++run) {
    const std::uint32_t end = run + 1 < std::size(kRuns) ? kRuns[run + 1].first : kCodePoints;
    if (fits(kRuns[run].category)) append(ranges, {kRuns[run].first, end - 1});
  }
  return ranges;
}

}  // namespace ciyuan::token::internal
