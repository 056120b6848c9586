/// Source: github.com/huggingface/tokenizers, tokenizers/src/tokenizer/added_vocabulary.rs, find_matches.

#include "token/pipeline/added_tokens.h"

#include <algorithm>

#include "token/pipeline/characters.h"

namespace ciyuan::token::pipeline {
namespace {

bool has(std::uint32_t c, std::uint8_t flag) { return (flags(c) & flag) != 0; }

/// The white space around a place. A run is measured once, however many tokens lie in it: each may take all
/// of it.
class WhiteSpace {
 public:
  explicit WhiteSpace(std::string_view text) : text_(text) {}
  std::size_t before(std::size_t at) {
    if (before_.begin <= at && at <= before_.end) return before_.begin;
    std::size_t begin = at;
    while (begin > 0 && has(character_before(text_, begin), kWhite)) {
      do --begin;
      while (internal::continues_character(text_[begin]));
      // The run goes on with one that is known.
      if (begin == before_.end) begin = before_.begin;
    }
    before_ = {begin, at};
    return begin;
  }
  std::size_t after(std::size_t at) {
    if (after_.begin <= at && at <= after_.end) return after_.end;
    std::size_t end = at;
    while (end < text_.size() && has(character_at(text_, end), kWhite))
      end += internal::character_length(text_[end]);
    after_ = {at, end};
    return end;
  }

 private:
  struct Run {
    std::size_t begin = std::string_view::npos, end = std::string_view::npos;
  };
  std::string_view text_;
  Run before_, after_;
};

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
  WhiteSpace white(text);
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
    if (match.token->lstrip) begin = std::max(white.before(begin), done);
    if (match.token->rstrip) end = white.after(end);
    if (done < begin) parts.push_back({done, begin});
    parts.push_back({begin, end, match.token});
    done = end;
  }
  if (done != text.size()) parts.push_back({done, text.size()});
  return parts;
}

std::size_t AddedTokens::final_until(std::string_view text, const Wanted& wanted) const {
  WhiteSpace white(text);
  for (std::size_t at = 0; !tokens_.empty() && at < text.size();) {
    const Match match = find(text, at);
    if (match.hit_end) return match.begin;
    if (match.token == nullptr) break;
    at = match.end;
    // White space that it takes may go on, and so may a word.
    if (match.token->single_word && match.end == text.size()) return match.begin;
    if (!is_refused(text, match, wanted) && match.token->rstrip && white.after(match.end) == text.size())
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
  struct Found {
    std::size_t begin, end;  ///< of the match
    std::size_t taken;       ///< no place before it and behind `begin`, or an earlier one's
    bool needs_sides;
  };
  std::vector<Found> all;
  WhiteSpace white(text);
  for (std::size_t at = 0; !tokens_.empty() && at < text.size();) {
    const Match match = find(text, at);
    if (match.token == nullptr && !match.hit_end) break;
    at = std::max(match.end, match.begin + 1);
    const bool is_found = match.token != nullptr;
    // What is refused hides what begins inside of it all the same; white space that is taken belongs to the
    // token.
    const std::size_t end = is_found && match.token->rstrip ? white.after(match.end) : match.end;
    all.push_back({match.begin, match.end, all.empty() ? end : std::max(end, all.back().taken),
                   is_found && match.token->single_word});
  }
  auto next = all.begin();
  cuts.filter([&](std::size_t here) {
    while (next != all.end() && next->begin < here) ++next;
    const bool begins = next != all.end() && next->begin == here && next->needs_sides;
    const bool ends = next != all.begin() && next[-1].end == here && next[-1].needs_sides;
    if ((begins || ends) && !is_between_words(text, here)) return false;
    return next == all.begin() || here >= next[-1].taken;
  });
}

bool AddedTokens::may_begin_at(std::string_view text, std::size_t at) const {
  if (has_lstrip_ && has(character_before(text, at), kWhite)) return false;
  return !has_single_word_ || is_between_words(text, at);
}

bool AddedTokens::is_between_words(std::string_view text, std::size_t at) {
  return at < text.size() && !has(character_before(text, at), kWord) && !has(character_at(text, at), kWord);
}

}  // namespace ciyuan::token::pipeline
