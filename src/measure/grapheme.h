#pragma once

/// Where a user-perceived character ends: extended grapheme clusters of UAX #29, and which characters are
/// Han.
///
///   GraphemeBreaker breaker;
///   breaker.begins_cluster(U'e');       // true
///   breaker.begins_cluster(U'\u0301');  // false: an accent on the same character
///
/// The Unicode version is pinned, because a count must be repeatable elsewhere and later; a method that
/// counts clusters names it. Source: Unicode 16.0, UAX #29 table 1c, rules GB3 to GB999
/// (tools/make_grapheme_tables.py); Unicode's own 1,093 test cases are among the tests.
///
/// Cost: a comparison for most of ASCII, else a binary search among some 660 ranges. Copyable, a few bytes.

#include <string_view>

#include "base/grapheme_rules.h"

namespace ciyuan::measure {

inline constexpr std::string_view kGraphemeUnicode = "16.0.0";

class GraphemeBreaker {
 public:
  /// Takes the next code point; true where it begins a new cluster. The first one always does.
  bool begins_cluster(char32_t point);

 private:
  GraphemeRules rules_;
};

/// Script=Han: ideographs with their radicals and iteration marks, not kana, Hangul or punctuation.
bool is_han(char32_t point);

}  // namespace ciyuan::measure
