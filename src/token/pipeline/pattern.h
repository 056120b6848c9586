#pragma once

/// What Split cuts at and Replace replaces: a text, or an expression (internal/expression.h).

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "token/internal/regex_pretokenizer.h"

namespace ciyuan::token::pipeline {

class Pattern {
 public:
  struct Match {
    std::size_t begin = 0, end = 0;  ///< both the text's end: there is none
    bool is_final = true;            ///< no later text changes this match, nor makes one before it
    std::size_t settled = 0;         ///< else: before here no match begins, whatever follows
  };
  /// {"String": …} or {"Regex": …}. kInvalid names the place.
  static Result<Pattern> read(const Json& pattern, const std::string& path);
  static Pattern of_text(std::string text);

  Match find(std::string_view text, std::size_t at, bool may_grow = false) const;
  /// The end of the last match in a text that may grow which nothing can change: none before it can change,
  /// either, and none can come between.
  std::size_t final_until(std::string_view text) const;
  /// Of the places (ascending, all final), drops those before which the text alone would match otherwise: an
  /// expression may look ahead. Of one that does only the last few are tried, and kept.
  void keep_closed(std::string_view text, std::vector<std::size_t>& places) const;
  /// The shortest text it matches, in bytes, as far as is known.
  std::size_t least_size() const { return expression_ ? 1 : text_.size(); }

 private:
  std::string text_;
  bool is_same_alone(std::string_view text, std::size_t end) const;
  std::shared_ptr<const internal::RegexPretokenizer> expression_;  ///< null: the text
  bool looks_ahead_ = false;
};

}  // namespace ciyuan::token::pipeline
