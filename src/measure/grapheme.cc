#include "measure/grapheme.h"

#include <algorithm>
#include <iterator>

namespace ciyuan::measure {
namespace {

struct GraphemeRange {
  char32_t first, last;
  GraphemeClass grapheme;
  Conjunct conjunct;
  bool pictograph;  // Extended_Pictographic
};
struct CodeRange {
  char32_t first, last;
};
#include "measure/internal/grapheme_tables.inc"

struct Properties {
  GraphemeClass grapheme = GraphemeClass::kOther;
  Conjunct conjunct = Conjunct::kNone;
  bool pictograph = false;
};

template <class Range, std::size_t N>
const Range* range_with(const Range (&ranges)[N], char32_t point) {
  const Range* next =
      std::upper_bound(std::begin(ranges), std::end(ranges), point,
                       [](char32_t value, const Range& range) { return value < range.first; });
  if (next == std::begin(ranges)) return nullptr;
  const Range* found = std::prev(next);
  return point <= found->last ? found : nullptr;
}

constexpr char32_t kHangulFirst = 0xAC00, kHangulLast = 0xD7A3, kHangulTails = 28;

Properties properties_of(char32_t point) {
  if (point >= 0x20 && point < 0x7F) return {};
  if (point >= kHangulFirst && point <= kHangulLast)
    return {(point - kHangulFirst) % kHangulTails == 0 ? GraphemeClass::kLv : GraphemeClass::kLvt};
  const GraphemeRange* range = range_with(kGraphemeRanges, point);
  return range == nullptr ? Properties{} : Properties{range->grapheme, range->conjunct, range->pictograph};
}

bool is_control(GraphemeClass grapheme) {
  return grapheme == GraphemeClass::kControl || grapheme == GraphemeClass::kCr ||
         grapheme == GraphemeClass::kLf;
}

// GB6 to GB8: a Hangul syllable out of its letters.
bool joins_hangul(GraphemeClass before, GraphemeClass after) {
  using enum GraphemeClass;
  if (before == kL) return after == kL || after == kV || after == kLv || after == kLvt;
  if (before == kLv || before == kV) return after == kV || after == kT;
  return (before == kLvt || before == kT) && after == kT;
}

}  // namespace

bool GraphemeBreaker::begins_cluster(char32_t point) {
  using enum GraphemeClass;
  const Properties now = properties_of(point);
  const bool extends = now.grapheme == kExtend || now.grapheme == kZwj;
  bool joined = false;
  if (!begun_) {
    joined = false;  // GB1
  } else if (is_control(previous_) || is_control(now.grapheme)) {
    joined = previous_ == kCr && now.grapheme == kLf;  // GB3 to GB5
  } else {
    joined = joins_hangul(previous_, now.grapheme) || extends || now.grapheme == kSpacingMark ||
             previous_ == kPrepend ||                              // GB6 to GB9b
             (linked_ && now.conjunct == Conjunct::kConsonant) ||  // GB9c
             (emoji_ == Emoji::kJoined && now.pictograph) ||       // GB11
             (odd_regional_ && now.grapheme == kRegional);         // GB12, GB13
  }
  if (now.pictograph)
    emoji_ = Emoji::kPictograph;
  else if (emoji_ == Emoji::kPictograph && extends)
    emoji_ = now.grapheme == kZwj ? Emoji::kJoined : Emoji::kPictograph;
  else
    emoji_ = Emoji::kNone;
  linked_ =
      (consonant_ && now.conjunct == Conjunct::kLinker) || (linked_ && now.conjunct == Conjunct::kExtend);
  consonant_ = now.conjunct == Conjunct::kConsonant || (consonant_ && now.conjunct != Conjunct::kNone);
  odd_regional_ = now.grapheme == kRegional && !(odd_regional_ && joined);
  previous_ = now.grapheme;
  begun_ = true;
  return !joined;
}

bool is_han(char32_t point) { return point >= 0x2E80 && range_with(kHanRanges, point) != nullptr; }

}  // namespace ciyuan::measure
