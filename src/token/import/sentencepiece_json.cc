/// Hugging Face's tokenizer.json of SentencePiece's byte-pair encodings: Llama 2, Mistral's first, Gemma.

#include <algorithm>

#include "base/bytes.h"
#include "token/import/sentencepiece.h"
#include "token/import/tokenizer_json.h"
#include "token/internal/bpe.h"
#include "token/internal/word_cutter.h"

namespace ciyuan::token::import {
namespace {

const std::string kSign(internal::kSpaceSign);

bool replaces_spaces(const Json& step) {
  return type_of(step) == "Replace" && step.value("content", "") == kSign &&
         step.value("pattern", Json()) == Json{{"String", " "}};
}

/// Prepend, then Replace, or Replace alone; none where a Metaspace does both.
Status read_normalizer(const Json& normalizer, bool has_metaspace, RawTokenizer& raw) {
  const bool is_sequence = type_of(normalizer) == "Sequence";
  const Json steps = is_sequence ? normalizer.value("normalizers", Json()) : Json::array({normalizer});
  if (has_metaspace && (normalizer.is_null() || (is_sequence && steps == Json::array()))) return {};
  std::size_t next = 0;
  if (steps.is_array() && steps.size() == 2 && type_of(steps[0]) == "Prepend" &&
      steps[0].value("prepend", "") == kSign)
    raw.prefix = "always", next = 1;
  if (has_metaspace || !steps.is_array() || steps.size() != next + 1 || !replaces_spaces(steps[next]))
    return not_supported("normalizer", normalizer);
  return {};
}

Status read_metaspace(const Json& step, RawTokenizer& raw) {
  const std::string scheme = step.value("prepend_scheme", "always");
  if (step.value("replacement", "") != kSign || step.value("split", true))
    return not_supported("pre_tokenizer", step);
  if (scheme == "always")
    raw.prefix = "unless_space";
  else if (scheme == "first")
    raw.prefix = "first_unless_space";
  else if (scheme != "never")
    return not_supported("pre_tokenizer.prepend_scheme", step["prepend_scheme"]);
  return {};
}

Status read_pre_tokenizer(const Json& step, RawTokenizer& raw) {
  if (step.is_null()) return {};
  if (type_of(step) == "Metaspace") return read_metaspace(step, raw);
  // Gemma's: it cuts at spaces, of which its normalizer has left none.
  if (type_of(step) == "Split" && step.value("pattern", Json()) == Json{{"String", " "}} &&
      raw.prefix == "none")
    return {};
  return not_supported("pre_tokenizer", step);
}

Status read_vocabulary(const Json& model, RawTokenizer& raw) {
  const auto vocabulary = model.find("vocab");
  if (vocabulary == model.end() || !vocabulary->is_object() || vocabulary->empty())
    return invalid("model.vocab", "not an object of tokens and ids");
  std::size_t total = 0;
  for (const auto& [text, id] : vocabulary->items()) {
    CIYUAN_TRY(const std::uint32_t index, token_id(id, "model.vocab", text));
    if (index >= raw.tokens.size()) raw.tokens.resize(index + 1);
    const auto& bytes = raw.byte_tokens;
    if (!raw.tokens[index].empty() || std::find(bytes.begin(), bytes.end(), index) != bytes.end())
      return invalid("model.vocab", "id " + std::to_string(index) + " for the second time");
    if (take_byte_token(text, index, raw.byte_tokens)) continue;
    total += text.size();
    if (total > kAllTokensBytesMax)
      return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", "model.vocab"};
    raw.tokens[index] = text;
    internal::fold_space_signs(raw.tokens[index]);
  }
  return check_byte_tokens(raw.byte_tokens, "model.vocab");
}

Status read_merges(const Json& model, RawTokenizer& raw) {
  raw.splits.resize(raw.tokens.size());
  raw.priorities.resize(raw.tokens.size());
  CIYUAN_TRY(const std::vector<Merge> merges, merges_of(model));
  bool in_order = true;
  std::uint32_t last = 0;
  for (std::uint32_t i = 0; i < merges.size(); ++i) {
    const Merge& merge = merges[i];
    const std::string where = "model.merges[" + std::to_string(i) + "]";
    std::string left = merge.left;
    internal::fold_space_signs(left);
    if (left.size() > kTokenLengthMax) return invalid(where, "a token of more than 255 bytes");
    auto& splits = raw.splits[merge.made];
    const auto length = static_cast<std::uint8_t>(left.size());
    if (std::find(splits.begin(), splits.end(), length) != splits.end())
      return invalid(where, "the same merge twice");
    splits.push_back(length);
    raw.priorities[merge.made].push_back(i);
    in_order &= merge.made >= last;
    last = merge.made;
  }
  if (in_order) raw.priorities.clear();
  return {};
}

void mark_literals(RawTokenizer& raw) {
  for (AddedToken& token : raw.added) token.literal = !token.special;
}

/// Tokens that only their added twins stand for need no place at the end of the list.
void drop_last_literals(RawTokenizer& raw) {
  std::vector<bool> is_added(raw.tokens.size());
  for (const AddedToken& token : raw.added)
    if (token.id < is_added.size()) is_added[token.id] = true;
  while (raw.tokens.size() > 1 && raw.splits.back().empty() && is_added[raw.tokens.size() - 1]) {
    raw.tokens.pop_back();
    raw.splits.pop_back();
    if (!raw.priorities.empty()) raw.priorities.pop_back();
  }
}

}  // namespace

bool is_sentencepiece_json(const Json& tree) {
  const Json model = tree.value("model", Json());
  return type_of(model) == "BPE" && model.value("byte_fallback", false);
}

Result<RawTokenizer> read_sentencepiece_json(const Json& tree) {
  const Json& model = tree["model"];
  for (const char* member : {"continuing_subword_prefix", "end_of_word_suffix", "dropout", "ignore_merges"})
    CIYUAN_TRY_STATUS(must_be_unset(model, member, "model"));
  RawTokenizer raw;
  raw.pretokenizer = "sentencepiece";
  const Json pre_tokenizer = tree.value("pre_tokenizer", Json());
  CIYUAN_TRY_STATUS(
      read_normalizer(tree.value("normalizer", Json()), type_of(pre_tokenizer) == "Metaspace", raw));
  CIYUAN_TRY_STATUS(read_pre_tokenizer(pre_tokenizer, raw));
  CIYUAN_TRY_STATUS(read_vocabulary(model, raw));
  CIYUAN_TRY_STATUS(read_merges(model, raw));
  CIYUAN_TRY_STATUS(read_added(tree, raw));
  CIYUAN_TRY_STATUS(check_literals(raw));
  mark_literals(raw);
  drop_last_literals(raw);
  return raw;
}

}  // namespace ciyuan::token::import
