#pragma once

/// Finds added tokens in text: the leftmost, and of those that begin there the longest.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "token/pipeline/token_trie.h"
#include "token/vocabulary.h"

namespace ciyuan::token::internal {

class AddedTokenIndex {
 public:
  struct Found {
    std::size_t begin = 0, end = 0;  ///< with the white space that the token takes
    const AddedToken* token = nullptr;
  };

  /// `token` must outlive the index.
  void add(const AddedToken& token) { tokens_.push_back(&token); }
  /// After the last add(), before find().
  void prepare();
  bool empty() const { return tokens_.empty(); }
  /// The first at or after `from`; token is null if there is none.
  Found find(std::string_view text, std::size_t from) const;
  /// Of a text that may grow: the first, or, with token null, the place up to which nothing that follows can
  /// make one. White space is left to the text.
  Found find_settled(std::string_view text) const;

 private:
  std::size_t next_candidate(std::string_view text, std::size_t from) const;
  Found longest_at(std::string_view text, std::size_t at, bool& may_grow) const;

  std::vector<const AddedToken*> tokens_;
  pipeline::TokenTrie trie_;  ///< to places in tokens_
  std::array<bool, 256> is_first_{};
  std::string first_bytes_;
};

}  // namespace ciyuan::token::internal
