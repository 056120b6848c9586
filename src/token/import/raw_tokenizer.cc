#include "token/import/raw_tokenizer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_set>

#include "base/bytes.h"
#include "token/import/tokenizer_json.h"

namespace ciyuan::token::import {
void split_by_ranks(RawTokenizer& tokenizer) {
  std::unordered_set<std::string_view> known;
  for (const std::string& token : tokenizer.tokens)
    if (!token.empty()) known.insert(token);
  tokenizer.splits.resize(tokenizer.tokens.size());
  for (std::size_t id = 0; id < tokenizer.tokens.size(); ++id) {
    const std::string_view token = tokenizer.tokens[id];
    if (token.size() > kTokenLengthMax) continue;  // refused later, by name
    for (std::size_t left = 1; left < token.size(); ++left)
      if (known.count(token.substr(0, left)) && known.count(token.substr(left)))
        tokenizer.splits[id].push_back(static_cast<std::uint8_t>(left));
  }
}

Status check_literals(const RawTokenizer& tokenizer) {
  std::array<bool, 256> begins{};
  for (std::size_t i = 0; i < tokenizer.added.size(); ++i) {
    const AddedToken& token = tokenizer.added[i];
    if (token.special) continue;
    begins[static_cast<unsigned char>(token.content[0])] = true;
    // U+FFFD may stand for bytes that are no text.
    if (token.lstrip || token.rstrip || (token.normalized && tokenizer.nfc) || tokenizer.prefix != "none" ||
        token.content.find("\xEF\xBF\xBD") != std::string::npos)
      return not_supported("added_tokens[" + std::to_string(i) + "]", token.content);
  }
  // What is taken for text still hides what begins inside of it.
  for (const AddedToken& token : tokenizer.added)
    for (std::size_t at = 1; token.special && at < token.content.size(); ++at)
      if (begins[static_cast<unsigned char>(token.content[at])])
        return invalid("added_tokens", "another may begin inside of \"" + token.content + "\"");
  return {};
}

Status check_size(std::size_t tokens) {
  if (tokens <= kTokensMax) return {};
  return Error{ErrorCode::kTooLarge,
               std::to_string(tokens) + " tokens: at most " + std::to_string(kTokensMax) + " fit", "file"};
}

Status add_join(RawTokenizer& tokenizer, std::uint32_t made, std::uint32_t& last_made,
                std::size_t left_length, const std::string& where) {
  if (made < last_made)
    return invalid(where, "the merges are not in the order of the tokens they make, which is not supported");
  last_made = made;
  auto& splits = tokenizer.splits[made];
  if (left_length > kTokenLengthMax) return invalid(where, "a token of more than 255 bytes");
  const auto left = static_cast<std::uint8_t>(left_length);
  if (std::find(splits.begin(), splits.end(), left) != splits.end())
    return invalid(where, "the same merge twice");
  splits.push_back(left);
  return {};
}

Result<RawTokenizer> read_rank_file(std::string_view text, const std::string& pretokenizer) {
  if (pretokenizer.empty())
    return invalid("--pretokenizer", "a rank file does not tell how text is cut: name the pretokenizer");
  RawTokenizer raw;
  raw.pretokenizer = pretokenizer;
  raw.priority_is_token = raw.whole_piece = true;
  std::size_t number = 0, total = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::string where = "line " + std::to_string(number);
    const std::size_t space = line.find(' ');
    std::uint32_t rank = 0;
    const char* last = line.data() + line.size();
    if (space == line.npos) return invalid(where, "not a token in base64 and its rank");
    const auto parsed = std::from_chars(line.data() + space + 1, last, rank);
    if (parsed.ec != std::errc() || parsed.ptr != last || rank >= kListedTokensMax)
      return invalid(where, "the rank is no number below " + std::to_string(kListedTokensMax));
    const auto token = from_base64(line.substr(0, space));
    if (!token.ok() || token->empty()) return invalid(where, "the token is not base64");
    total += token->size();
    if (total > kAllTokensBytesMax) return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", where};
    if (rank >= raw.tokens.size()) raw.tokens.resize(rank + 1);
    if (!raw.tokens[rank].empty())
      return invalid(where, "rank " + std::to_string(rank) + " for the second time");
    raw.tokens[rank].assign(token->begin(), token->end());
  }
  if (raw.tokens.empty()) return invalid("file", "it holds no tokens");
  split_by_ranks(raw);
  return raw;
}

}  // namespace ciyuan::token::import
