#include "token/internal/added_token_index.h"

#include <algorithm>
#include <functional>

#include "base/scan.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

bool is_space_at(std::string_view text, std::size_t at, unsigned& length) {
  std::uint32_t c = 0;
  length = decode(text.data() + at, c);
  return (classes()[c] & kSpace) != 0;
}

}  // namespace

void AddedTokenIndex::add(const AddedToken& token) {
  const auto first = static_cast<unsigned char>(token.content[0]);
  tokens_.emplace(token.content, &token);
  std::vector<std::size_t>& lengths = lengths_[first];
  if (lengths.empty()) first_bytes_.push_back(token.content[0]);
  const auto at = std::lower_bound(lengths.begin(), lengths.end(), token.content.size(), std::greater<>());
  if (at == lengths.end() || *at != token.content.size()) lengths.insert(at, token.content.size());
}

// Where the next token might begin. Most vocabularies begin all of them with one byte, or two.
std::size_t AddedTokenIndex::next_candidate(std::string_view text, std::size_t from) const {
  if (first_bytes_.size() <= 2) {
    const std::size_t at = find_either(text, first_bytes_.front(), first_bytes_.back(), from);
    return at < text.size() ? at : std::string_view::npos;
  }
  while (from < text.size() && lengths_[static_cast<unsigned char>(text[from])].empty()) ++from;
  return from < text.size() ? from : std::string_view::npos;
}

AddedTokenIndex::Found AddedTokenIndex::find(std::string_view text, std::size_t from) const {
  if (tokens_.empty()) return {};
  for (std::size_t at = next_candidate(text, from); at != std::string_view::npos;
       at = next_candidate(text, at + 1)) {
    for (std::size_t length : lengths_[static_cast<unsigned char>(text[at])]) {
      if (length > text.size() - at) continue;
      const auto found = tokens_.find(text.substr(at, length));
      if (found == tokens_.end()) continue;
      Found result{at, at + length, found->second};
      unsigned space = 0;
      if (result.token->rstrip)
        while (result.end < text.size() && is_space_at(text, result.end, space)) result.end += space;
      while (result.token->lstrip && result.begin > from) {
        std::size_t before = result.begin - 1;
        while (before > from && continues_character(text[before])) --before;
        if (!is_space_at(text, before, space)) break;
        result.begin = before;
      }
      return result;
    }
  }
  return {};
}

}  // namespace ciyuan::token::internal
