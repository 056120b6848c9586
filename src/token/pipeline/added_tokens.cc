/// Source: github.com/huggingface/tokenizers, tokenizers/src/tokenizer/added_vocabulary.rs, find_matches.

#include "token/pipeline/added_tokens.h"

#include <algorithm>

#include "token/pipeline/characters.h"

namespace ciyuan::token::pipeline {
namespace {

bool has(std::uint32_t c, std::uint8_t flag) { return (flags(c) & flag) != 0; }

std::size_t white_before(std::string_view text, std::size_t at) {
  while (at > 0 && has(character_before(text, at), kWhite)) {
    do --at;
    while (internal::continues_character(text[at]));
  }
  return at;
}

std::size_t white_after(std::string_view text, std::size_t at) {
  while (at < text.size() && has(character_at(text, at), kWhite)) at += internal::character_length(text[at]);
  return at;
}

}  // namespace

void AddedTokens::build(const std::vector<std::string>& texts, std::vector<const AddedToken*> tokens) {
  tokens_ = std::move(tokens);
  std::vector<std::pair<std::string_view, std::uint32_t>> entries;
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    entries.emplace_back(texts[i], i);
    has_single_word_ = has_single_word_ || tokens_[i]->single_word;
    has_lstrip_ = has_lstrip_ || tokens_[i]->lstrip;
  }
  trie_.build(std::move(entries));
}

AddedTokens::Match AddedTokens::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    Match match{begin, begin};
    TokenTrie::Node node = TokenTrie::kRoot;
    for (std::size_t at = begin; node != TokenTrie::kNone; ++at) {
      if (at == text.size()) {
        match.hit_end = match.hit_end || !trie_.is_leaf(node);
        break;
      }
      node = trie_.child(node, text[at]);
      if (node != TokenTrie::kNone && trie_.id(node) != kNoId)
        match.token = tokens_[trie_.id(node)], match.end = at + 1;
    }
    if (match.token != nullptr || match.hit_end) return match;
  }
  return {text.size(), text.size()};
}

bool AddedTokens::is_refused(std::string_view text, const Match& match, const Wanted& wanted) const {
  if (!wanted(*match.token)) return true;
  if (!match.token->single_word) return false;
  return (match.begin > 0 && has(character_before(text, match.begin), kWord)) ||
         (match.end < text.size() && has(character_at(text, match.end), kWord));
}

std::vector<AddedTokens::Part> AddedTokens::cut(std::string_view text, const Wanted& wanted) const {
  std::vector<Part> parts;
  std::size_t done = 0;
  for (std::size_t at = 0; !tokens_.empty() && at < text.size();) {
    const Match match = find(text, at);
    if (match.token == nullptr) {
      if (!match.hit_end) break;
      at = match.begin + 1;
      continue;
    }
    at = match.end;
    if (is_refused(text, match, wanted)) continue;
    std::size_t begin = match.begin, end = match.end;
    if (match.token->lstrip) begin = std::max(white_before(text, begin), done);
    if (match.token->rstrip) end = white_after(text, end);
    if (done < begin) parts.push_back({done, begin});
    parts.push_back({begin, end, match.token});
    done = end;
  }
  if (done != text.size()) parts.push_back({done, text.size()});
  return parts;
}

std::size_t AddedTokens::final_until(std::string_view text, const Wanted& wanted) const {
  for (std::size_t at = 0; !tokens_.empty() && at < text.size();) {
    const Match match = find(text, at);
    if (match.hit_end) return match.begin;
    if (match.token == nullptr) break;
    at = match.end;
    // White space that it takes may go on, and so may a word.
    if (match.token->single_word && match.end == text.size()) return match.begin;
    if (!is_refused(text, match, wanted) && match.token->rstrip &&
        white_after(text, match.end) == text.size())
      return match.begin;
  }
  return text.size();
}

void AddedTokens::drop_places(std::string_view text, Cuts& cuts) const {
  cuts.filter([&](std::size_t here) {
    if (has_lstrip_ && has(character_before(text, here), kWhite)) return false;
    // At the end a token may begin that must not be inside of a word.
    return here < text.size() || !has_single_word_ || !has(character_before(text, here), kWord);
  });
  for (std::size_t at = 0; !tokens_.empty() && at < text.size();) {
    const Match match = find(text, at);
    if (match.token == nullptr && !match.hit_end) break;
    at = std::max(match.end, match.begin + 1);
    const bool is_found = match.token != nullptr;
    // What is refused hides what begins inside of it all the same; white space that is taken belongs to the
    // token.
    const std::size_t end = is_found && match.token->rstrip ? white_after(text, match.end) : match.end;
    const bool needs_sides = is_found && match.token->single_word;
    cuts.filter([&](std::size_t here) {
      if (needs_sides && (here == match.begin || here == match.end) && !is_between_words(text, here))
        return false;
      return here <= match.begin || here >= end;
    });
  }
}

bool AddedTokens::may_begin_at(std::string_view text, std::size_t at) const {
  if (has_lstrip_ && has(character_before(text, at), kWhite)) return false;
  return !has_single_word_ || is_between_words(text, at);
}

bool AddedTokens::is_between_words(std::string_view text, std::size_t at) {
  return at < text.size() && !has(character_before(text, at), kWord) && !has(character_at(text, at), kWord);
}

}  // namespace ciyuan::token::pipeline
