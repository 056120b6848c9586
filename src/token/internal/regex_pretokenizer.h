#pragma once

/// The generic way to cut text into pretokens: expressions out of a vocabulary file, run by PCRE2's compiler
/// (JIT). Slower than the matchers of matcher.h, which are checked against it.
///
/// A sequence of steps, as Hugging Face's: each cuts the parts that the step before it left into the matches
/// of its expression and what is between them ("isolated").
///
/// Threads: immutable; each thread keeps a match block of its own.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::token::internal {

class RegexPretokenizer {
 public:
  static constexpr std::size_t kStepsMax = 8;

  /// Expressions as published (expression.h). kInvalid: not supported, or slow on hostile texts of
  /// kTrialBytes (a limit on steps, and one on time).
  static Result<std::shared_ptr<const RegexPretokenizer>> compile(
      const std::vector<std::string>& expressions);
  static constexpr std::size_t kTrialBytes = 32 << 10;
  static constexpr int kTrialMilliseconds = 2000;  ///< of the processor; published expressions need some 50

  ~RegexPretokenizer();
  RegexPretokenizer(const RegexPretokenizer&) = delete;
  RegexPretokenizer& operator=(const RegexPretokenizer&) = delete;

  /// Calls take(piece) for each pretoken of well-formed text, from step `step` on.
  template <class Take>
  void cut(std::string_view text, std::size_t step, Take take) const {
    if (step == steps_.size()) return take(text);
    for (std::size_t at = 0; at < text.size();) {
      const Found found = find(step, text, at);
      if (found.begin > at) cut(text.substr(at, found.begin - at), step + 1, take);
      if (found.end > found.begin) cut(text.substr(found.begin, found.end - found.begin), step + 1, take);
      at = found.end;
    }
  }

  std::size_t steps() const { return steps_.size(); }

  /// The first part of text that more text may follow: cutting may begin anew after it. The part may be
  /// several pretokens: cut(part, step).
  struct Part {
    std::size_t length = 0;
    std::size_t step = 0;
    bool hit_end = false;  ///< more text could change the part
  };
  Part first(std::string_view text) const { return first(text, 0, true); }

  struct Found {
    std::size_t begin, end;
    bool hit_end = false;     ///< more text could change what was found
    std::size_t settled = 0;  ///< then: before here no match begins, whatever follows
  };
  /// The first match of the first step's expression at or after `at`; both ends are the text's if there is
  /// none.
  Found first_match(std::string_view text, std::size_t at, bool may_grow) const {
    return find(0, text, at, may_grow);
  }

 private:
  struct Step;
  RegexPretokenizer();
  /// The first match at or after `at`, both at the end of `text` if there is none. Never empty otherwise.
  Found find(std::size_t step, std::string_view text, std::size_t at, bool may_grow = false) const;
  Part first(std::string_view text, std::size_t step, bool may_grow) const;

  std::vector<std::unique_ptr<Step>> steps_;
};

}  // namespace ciyuan::token::internal
