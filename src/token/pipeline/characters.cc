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
enum Cluster : std::uint8_t {
  kOther,
  kCr,
  kLf,
  kControl,
  kExtend,
  kZwj,
  kRegional,
  kPrepend,
  kSpacingMark,
  kL,
  kV,
  kT,
  kLv,
  kLvt
};
enum Conjunct : std::uint8_t { kNoConjunct, kConsonant, kLinker, kConjunctExtend };
struct ClusterRun {
  std::uint32_t first, last;
  Cluster cluster;
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

/// The row of a sorted table of ranges that holds the character.
template <class Row, std::size_t N>
const Row* row_with(const Row (&rows)[N], std::uint32_t c) {
  const Row* next = std::upper_bound(std::begin(rows), std::end(rows), c,
                                     [](std::uint32_t value, const Row& row) { return value < row.first; });
  if (next == std::begin(rows)) return nullptr;
  const Row* found = std::prev(next);
  return c <= found->last ? found : nullptr;
}

std::unique_ptr<std::uint8_t[]> expanded() {
  auto table = std::make_unique<std::uint8_t[]>(kCodePoints);
  for (const FlagRun& run : kFlagRuns) std::fill(&table[run.first], &table[run.last] + 1, run.value);
  return table;
}

struct Properties {
  Cluster cluster = kOther;
  Conjunct conjunct = kNoConjunct;
  bool pictograph = false;
};

Properties properties(std::uint32_t c) {
  if (c >= 0x20 && c < 0x7F) return {};
  constexpr std::uint32_t kFirst = 0xAC00, kLast = 0xD7A3, kTails = 28;
  if (c >= kFirst && c <= kLast) return {(c - kFirst) % kTails == 0 ? kLv : kLvt};
  const ClusterRun* run = row_with(kClusterRuns, c);
  return run == nullptr ? Properties{} : Properties{run->cluster, run->conjunct, run->pictograph};
}

bool is_control(std::uint8_t cluster) { return cluster == kControl || cluster == kCr || cluster == kLf; }

/// GB6 to GB8: a Hangul syllable out of its letters.
bool joins_hangul(std::uint8_t before, std::uint8_t after) {
  if (before == kL) return after == kL || after == kV || after == kLv || after == kLvt;
  if (before == kLv || before == kV) return after == kV || after == kT;
  return (before == kLvt || before == kT) && after == kT;
}

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

bool ClusterBreaker::begins(std::uint32_t c) {
  const Properties now = properties(c);
  bool joined = false;
  if (!begun_) {
    joined = false;
  } else if (is_control(previous_) || is_control(now.cluster)) {
    joined = previous_ == kCr && now.cluster == kLf;
  } else {
    joined = joins_hangul(previous_, now.cluster) || now.cluster == kExtend || now.cluster == kZwj ||
             now.cluster == kSpacingMark || previous_ == kPrepend ||
             (linked_ && now.conjunct == kConsonant) || (emoji_ == 2 && now.pictograph) ||
             (odd_regional_ && now.cluster == kRegional);
  }
  if (now.pictograph)
    emoji_ = 1;
  else if (emoji_ == 1 && now.cluster == kExtend)
    emoji_ = 1;
  else
    emoji_ = emoji_ == 1 && now.cluster == kZwj ? 2 : 0;
  const bool extends = now.conjunct == kLinker || now.conjunct == kConjunctExtend;
  linked_ = extends && (linked_ || (consonant_ && now.conjunct == kLinker));
  consonant_ = now.conjunct == kConsonant || (consonant_ && extends);
  odd_regional_ = now.cluster == kRegional && !(odd_regional_ && joined);
  previous_ = now.cluster;
  begun_ = true;
  return !joined;
}

bool ClusterBreaker::always_breaks(std::uint32_t before, std::uint32_t after) {
  const Properties a = properties(before), b = properties(after);
  if (is_control(a.cluster)) return a.cluster != kCr || b.cluster != kLf;
  if (is_control(b.cluster)) return true;
  if (a.cluster == kPrepend || a.cluster == kZwj || b.cluster != kOther) return false;
  // A consonant joins over what extends the one before it, a pictograph over a joiner, which was seen to.
  return b.conjunct == kNoConjunct || (a.conjunct != kLinker && a.conjunct != kConjunctExtend);
}

void append_utf8(std::uint32_t c, std::string& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xC0 | c >> 6), put(0x80 | (c & 0x3F));
  if (c < 0x10000) return put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
  put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 0x3F)), put(0x80 | (c >> 6 & 0x3F)), put(0x80 | (c & 0x3F));
}

}  // namespace ciyuan::token::pipeline
