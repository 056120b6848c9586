#pragma once

/// Finds added tokens in text: the leftmost, and of those that begin there the longest.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "token/vocabulary.h"

namespace ciyuan::token::internal {

class AddedTokenIndex {
 public:
  struct Found {
    std::size_t begin = 0, end = 0;  ///< with the white space that the token takes
    const AddedToken* token = nullptr;
  };

  /// `token` must outlive the index.
  void add(const AddedToken& token);
  bool empty() const { return tokens_.empty(); }
  /// The first at or after `from`; token is null if there is none.
  Found find(std::string_view text, std::size_t from) const;

 private:
  std::size_t next_candidate(std::string_view text, std::size_t from) const;

  std::unordered_map<std::string_view, const AddedToken*> tokens_;
  std::array<std::vector<std::size_t>, 256> lengths_;  ///< by first byte, descending
  std::string first_bytes_;
};

}  // namespace ciyuan::token::internal
