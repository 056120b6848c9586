#include "token/internal/added_token_index.h"

#include <algorithm>

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

void AddedTokenIndex::prepare() {
  std::vector<std::pair<std::string_view, std::uint32_t>> texts;
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i]->content;
    texts.emplace_back(content, i);
    bool& is_first = is_first_[static_cast<unsigned char>(content[0])];
    if (!is_first) first_bytes_.push_back(content[0]);
    is_first = true;
  }
  // Of two with one text the first.
  std::reverse(texts.begin(), texts.end());
  trie_.build(std::move(texts));
}

// Where the next token might begin. Most vocabularies begin all of them with one byte, or two.
std::size_t AddedTokenIndex::next_candidate(std::string_view text, std::size_t from) const {
  if (first_bytes_.size() <= 2) {
    const std::size_t at = find_either(text, first_bytes_.front(), first_bytes_.back(), from);
    return at < text.size() ? at : std::string_view::npos;
  }
  while (from < text.size() && !is_first_[static_cast<unsigned char>(text[from])]) ++from;
  return from < text.size() ? from : std::string_view::npos;
}

AddedTokenIndex::Found AddedTokenIndex::longest_at(std::string_view text, std::size_t at,
                                                   bool& may_grow) const {
  Found found{at, at, nullptr};
  pipeline::TokenTrie::Node node = pipeline::TokenTrie::kRoot;
  for (std::size_t end = at; end < text.size();) {
    node = trie_.child(node, text[end++]);
    if (node == pipeline::TokenTrie::kNone) return found;
    if (trie_.id(node) != pipeline::kNoId) found = {at, end, tokens_[trie_.id(node)]};
  }
  may_grow = !trie_.is_leaf(node);
  return found;
}

AddedTokenIndex::Found AddedTokenIndex::find_settled(std::string_view text) const {
  for (std::size_t at = next_candidate(text, 0); at != std::string_view::npos;
       at = next_candidate(text, at + 1)) {
    bool may_grow = false;
    const Found found = longest_at(text, at, may_grow);
    if (may_grow) return {at, at, nullptr};
    if (found.token != nullptr) return found;
  }
  return {text.size(), text.size(), nullptr};
}

AddedTokenIndex::Found AddedTokenIndex::find(std::string_view text, std::size_t from) const {
  if (tokens_.empty()) return {};
  for (std::size_t at = next_candidate(text, from); at != std::string_view::npos;
       at = next_candidate(text, at + 1)) {
    bool may_grow = false;
    Found result = longest_at(text, at, may_grow);
    if (result.token == nullptr) continue;
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
  return {};
}

}  // namespace ciyuan::token::internal
