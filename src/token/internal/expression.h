#pragma once

/// Expressions as tokenizers publish them (for Oniguruma or Rust's fancy-regex), put into PCRE2's words: the
/// same matches, with the references' Unicode version, whatever PCRE2's own is.
///
/// "\p{numeric}" is ours: what Hugging Face's Digits sets apart.
///
/// Taken: alternation, groups, (?i: ), (?> ), lookahead, greedy, lazy and possessive repetition, classes, one
/// subtraction [A&&[^B]], \s \S \d \p{general category} \p{Han}, character escapes. Refused, with the offset:
/// what looks behind or at the text's ends (a cut must not depend on where reading began), what the two
/// engines or their Unicode data mean differently (\w \h $ POSIX classes), references and recursion, and a
/// repeated group that itself repeats, which can take exponential time. What is left takes at most polynomial
/// time, and in practice linear.

#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::token::internal {

constexpr std::size_t kExpressionBytesMax = 4096;  ///< the longest published is below 600

/// kInvalid names the part, and where it is.
Result<std::string> to_pcre2(std::string_view expression);

}  // namespace ciyuan::token::internal
