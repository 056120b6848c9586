#pragma once

/// Extended grapheme clusters of UAX #29, rules GB1 to GB999, over properties that the caller looks up: which
/// version of Unicode they are of is the caller's choice.
///
///   GraphemeRules rules;
///   rules.begins_cluster({.grapheme = GraphemeClass::kOther});   // true: the first always does
///   rules.begins_cluster({.grapheme = GraphemeClass::kExtend});  // false: an accent on the same character
///
/// Copyable, a few bytes. One thread at a time.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace ciyuan {

/// Grapheme_Cluster_Break.
enum class GraphemeClass : std::uint8_t {
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
/// Indic_Conjunct_Break.
enum class Conjunct : std::uint8_t { kNone, kConsonant, kLinker, kExtend };

struct GraphemeProperties {
  GraphemeClass grapheme = GraphemeClass::kOther;
  Conjunct conjunct = Conjunct::kNone;
  bool pictograph = false;  ///< Extended_Pictographic
};

/// The row of a sorted table of ranges, each with `first` and `last`, that holds the character; or nullptr.
template <class Row, std::size_t N>
const Row* row_with(const Row (&rows)[N], std::uint32_t character) {
  const Row* next = std::upper_bound(std::begin(rows), std::end(rows), character,
                                     [](std::uint32_t value, const Row& row) { return value < row.first; });
  if (next == std::begin(rows)) return nullptr;
  const Row* found = std::prev(next);
  return character <= found->last ? found : nullptr;
}

/// The properties by a table of ranges with `grapheme`, `conjunct` and `pictograph`, in which the Hangul
/// syllables need not stand.
template <class Row, std::size_t N>
GraphemeProperties grapheme_properties(const Row (&rows)[N], std::uint32_t character) {
  constexpr std::uint32_t kHangulFirst = 0xAC00, kHangulLast = 0xD7A3, kHangulTails = 28;
  if (character >= 0x20 && character < 0x7F) return {};
  if (character >= kHangulFirst && character <= kHangulLast)
    return {(character - kHangulFirst) % kHangulTails == 0 ? GraphemeClass::kLv : GraphemeClass::kLvt};
  const Row* row = row_with(rows, character);
  return row == nullptr ? GraphemeProperties{}
                        : GraphemeProperties{row->grapheme, row->conjunct, row->pictograph};
}

constexpr bool is_control(GraphemeClass grapheme) {
  return grapheme == GraphemeClass::kControl || grapheme == GraphemeClass::kCr ||
         grapheme == GraphemeClass::kLf;
}

/// GB6 to GB8: a Hangul syllable out of its letters.
constexpr bool joins_hangul(GraphemeClass before, GraphemeClass after) {
  using enum GraphemeClass;
  if (before == kL) return after == kL || after == kV || after == kLv || after == kLvt;
  if (before == kLv || before == kV) return after == kV || after == kT;
  return (before == kLvt || before == kT) && after == kT;
}

class GraphemeRules {
 public:
  /// Takes the next character; true where it begins a new cluster. The first one always does.
  bool begins_cluster(const GraphemeProperties& now) {
    using enum GraphemeClass;
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

 private:
  enum class Emoji : std::uint8_t { kNone, kPictograph, kJoined };  // GB11: pictograph, Extend*, ZWJ

  bool begun_ = false;
  GraphemeClass previous_ = GraphemeClass::kOther;
  Emoji emoji_ = Emoji::kNone;
  bool consonant_ = false, linked_ = false;  // GB9c: consonant [extend linker]*, with a linker among them
  bool odd_regional_ = false;                // GB12, GB13: flags are pairs
};

}  // namespace ciyuan
