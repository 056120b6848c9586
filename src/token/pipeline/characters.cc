#include "token/pipeline/characters.h"

#include <algorithm>
#include <iterator>
#include <memory>

namespace ciyuan::token::pipeline {
namespace {

struct FlagRun {
  std::uint32_t first, last;
  std::uint8_t value;
};
// The names that the table uses.
using enum GraphemeClass;
constexpr Conjunct kNoConjunct = Conjunct::kNone, kConsonant = Conjunct::kConsonant,
                   kLinker = Conjunct::kLinker, kConjunctExtend = Conjunct::kExtend;
struct ClusterRun {
  std::uint32_t first, last;
  GraphemeClass grapheme;
  Conjunct conjunct;
  bool pictograph;
};
struct LowercaseRun {
  std::uint32_t first, last;
  std::uint8_t step;
  std::int32_t distance;
};
struct CompatibleRow {
  std::uint32_t character;
  const char* text;
};

#include "token/pipeline/unicode_tables.inc"

constexpr std::uint32_t kCodePoints = 0x110000;
constexpr std::uint32_t kDottedI = 0x130, kDotAbove = 0x307;

std::unique_ptr<std::uint8_t[]> expanded() {
  auto table = std::make_unique<std::uint8_t[]>(kCodePoints);
  for (const FlagRun& run : kFlagRuns) std::fill(&table[run.first], &table[run.last] + 1, run.value);
  return table;
}

GraphemeProperties properties(std::uint32_t c) { return grapheme_properties(kClusterRuns, c); }

}  // namespace

std::uint8_t flags(std::uint32_t c) {
  static const std::unique_ptr<std::uint8_t[]> table = expanded();
  return table[c];
}

unsigned script(std::uint32_t c) {
  const FlagRun* run = row_with(kScriptRuns, c);
  return run == nullptr ? 0 : run->value;
}

std::uint32_t lowercase(std::uint32_t c, std::uint32_t& second) {
  second = 0;
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  if (c == kDottedI) return second = kDotAbove, 'i';
  const LowercaseRun* run = row_with(kLowercase, c);
  // A run of every other character may hold a shorter one: it is found by its first, so the table has none
  // such.
  if (run == nullptr || (c - run->first) % run->step != 0) return c;
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(c) + run->distance);
}

std::string_view compatible(std::uint32_t c) {
  if (c < 0xA0) return {};
  const auto* found =
      std::lower_bound(std::begin(kCompatible), std::end(kCompatible), c,
                       [](const CompatibleRow& row, std::uint32_t x) { return row.character < x; });
  return found != std::end(kCompatible) && found->character == c ? found->text : std::string_view();
}

bool ClusterBreaker::begins(std::uint32_t c) { return rules_.begins_cluster(properties(c)); }

bool ClusterBreaker::always_breaks(std::uint32_t before, std::uint32_t after) {
  const GraphemeProperties a = properties(before), b = properties(after);
  if (is_control(a.grapheme)) return a.grapheme != kCr || b.grapheme != kLf;
  if (is_control(b.grapheme)) return true;
  if (a.grapheme == kPrepend || a.grapheme == kZwj || b.grapheme != kOther) return false;
  // A consonant joins over what extends the one before it, a pictograph over a joiner, which was seen to.
  return b.conjunct == kNoConjunct || (a.conjunct != kLinker && a.conjunct != kConjunctExtend);
}

}  // namespace ciyuan::token::pipeline
