#pragma once

/// Added tokens in a text, as the reference finds them: the leftmost, of those that begin there the longest,
/// then single_word, lstrip and rstrip.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "token/pipeline/text.h"
#include "token/pipeline/token_trie.h"
#include "token/vocabulary.h"

namespace ciyuan::token::pipeline {

/// Which tokens count as such; others are text, but hide what begins inside of them.
using Wanted = std::function<bool(const AddedToken&)>;

class AddedTokens {
 public:
  struct Part {
    std::size_t begin = 0, end = 0;
    const AddedToken* token = nullptr;  ///< null: text
  };
  /// `texts` and `tokens` are of one length, and outlive this.
  void build(const std::vector<std::string>& texts, std::vector<const AddedToken*> tokens);
  bool empty() const { return tokens_.empty(); }

  /// Never empty parts, but for a token that another has taken the white space of.
  std::vector<Part> cut(std::string_view text, const Wanted& wanted) const;
  /// Of a text that may grow: the parts up to here stay as they are.
  std::size_t final_until(std::string_view text, const Wanted& wanted) const;
  /// Drops the places at which a text that is cut in two would have other tokens.
  void drop_places(std::string_view text, Cuts& cuts) const;
  /// Whether a text can begin anew behind a token that ends at `at`.
  bool may_begin_at(std::string_view text, std::size_t at) const;

 private:
  struct Match {
    std::size_t begin = 0, end = 0;
    const AddedToken* token = nullptr;
    bool hit_end = false;  ///< a longer text could match otherwise
  };
  Match find(std::string_view text, std::size_t from) const;
  static bool is_between_words(std::string_view text, std::size_t at);
  bool is_refused(std::string_view text, const Match& match, const Wanted& wanted) const;

  TokenTrie trie_;
  std::vector<const AddedToken*> tokens_;
  bool has_single_word_ = false, has_lstrip_ = false;
};

}  // namespace ciyuan::token::pipeline
