#include "token/import/chain_json.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include "token/import/raw_tokenizer.h"
#include "token/import/tokenizer_json.h"

namespace ciyuan::token::import {
namespace {

using pipeline::ChainParts;
using pipeline::ModelParts;
using Ids = std::unordered_map<std::string, std::uint32_t>;

Status add_token(const std::string& text, std::uint32_t id, const std::string& path, std::size_t& total,
                 ModelParts& model) {
  if (id >= kListedTokensMax)
    return invalid(path, "the id of \"" + text + "\" is no number below " + std::to_string(kListedTokensMax));
  total += text.size();
  if (total > kAllTokensBytesMax) return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", path};
  if (id >= model.tokens.size()) model.tokens.resize(id + 1), model.is_token.resize(id + 1);
  if (model.is_token[id]) return invalid(path, "id " + std::to_string(id) + " for the second time");
  model.tokens[id] = text;
  model.is_token[id] = true;
  return {};
}

Status read_pairs(const Json& vocabulary, ModelParts& model, Ids& ids) {
  if (!vocabulary.is_array() || vocabulary.empty())
    return invalid("model.vocab", "not a list of tokens and scores");
  std::size_t total = 0;
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const Json& pair = vocabulary[i];
    const std::string path = "model.vocab[" + std::to_string(i) + "]";
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number() ||
        !std::isfinite(pair[1].get<double>()))
      return not_supported(path, pair);
    CIYUAN_TRY_STATUS(add_token(pair[0], static_cast<std::uint32_t>(i), path, total, model));
    model.scores.push_back(pair[1]);
    ids[pair[0]] = static_cast<std::uint32_t>(i);
  }
  return {};
}

Status read_ids(const Json& vocabulary, ModelParts& model, Ids& ids) {
  if (!vocabulary.is_object() || vocabulary.empty())
    return invalid("model.vocab", "not an object of tokens and ids");
  std::size_t total = 0;
  for (const auto& [text, id] : vocabulary.items()) {
    CIYUAN_TRY(const std::uint32_t index, token_id(id, "model.vocab", text));
    CIYUAN_TRY_STATUS(add_token(text, index, "model.vocab", total, model));
    ids[text] = index;
  }
  return {};
}

Status read_merges(const Json& merges, const Ids& ids, ModelParts& model) {
  if (!merges.is_array()) return invalid("model.merges", "not a list");
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = merges[i];
    const std::string path = "model.merges[" + std::to_string(i) + "]";
    std::string left, right;
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      if (text.starts_with("#version")) continue;
      const std::size_t space = text.find(' ');
      if (space == text.npos || text.find(' ', space + 1) != text.npos) return not_supported(path, merge);
      left = text.substr(0, space), right = text.substr(space + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0], right = merge[1];
    } else {
      return not_supported(path, merge);
    }
    const auto first = ids.find(left), second = ids.find(right);
    if (first == ids.end() || second == ids.end() || left.empty() || right.empty())
      return invalid(path, "it joins what is no token");
    model.merges.push_back({first->second, second->second});
  }
  return {};
}

/// The reference numbers added tokens itself: as in the model, else from the model's size on.
Status read_added_tokens(const Json& tree, const Ids& ids, std::size_t model_size,
                         std::vector<AddedToken>& added) {
  const Json listed = tree.value("added_tokens", Json::array());
  if (!listed.is_array()) return invalid("added_tokens", "not a list");
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const Json& token = listed[i];
    const std::string path = "added_tokens[" + std::to_string(i) + "]";
    if (!token.is_object() || !token.value("id", Json()).is_number_unsigned() ||
        !token.value("content", Json()).is_string() || token["content"] == "")
      return not_supported(path, token);
    for (const char* flag : {"special", "lstrip", "rstrip", "normalized", "single_word"})
      if (!token.value(flag, Json()).is_boolean())
        return not_supported(path + "." + flag, token.value(flag, Json()));
    const auto known = ids.find(token["content"]);
    const std::uint64_t id = known != ids.end() ? known->second : model_size++;
    if (token["id"] != id)
      return invalid(path + ".id",
                     token["id"].dump() + ", which the reference takes for " + std::to_string(id));
    added.push_back({static_cast<TokenId>(id), token["content"], token["special"], token["lstrip"],
                     token["rstrip"], token["normalized"], !token["special"].get<bool>(),
                     token["single_word"]});
  }
  return {};
}

void append_number(std::string& to, std::uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<char>(number >> (8 * i)));
}

}  // namespace

Result<ChainParts> read_chain_json(const Json& tree) {
  const Json model = tree.value("model", Json());
  const std::string type = type_of(model);
  // The oldest files name no type; the reference guesses by what there is.
  if (type != "BPE" && type != "Unigram" && type != "WordPiece" && type != "WordLevel")
    return invalid("model.type",
                   "\"" + type + "\" is not supported (BPE, Unigram, WordPiece and WordLevel are)");
  ChainParts parts;
  Ids ids;
  const Json vocabulary = model.value("vocab", Json());
  CIYUAN_TRY_STATUS(type == "Unigram" ? read_pairs(vocabulary, parts.model, ids)
                                      : read_ids(vocabulary, parts.model, ids));
  if (type == "BPE") CIYUAN_TRY_STATUS(read_merges(model.value("merges", Json()), ids, parts.model));
  const std::size_t size = type == "Unigram" ? parts.model.tokens.size() : ids.size();
  CIYUAN_TRY_STATUS(read_added_tokens(tree, ids, size, parts.added));
  Json settings = model;
  settings.erase("vocab");
  settings.erase("merges");
  parts.settings = {{"normalizer", tree.value("normalizer", Json())},
                    {"pre_tokenizer", tree.value("pre_tokenizer", Json())},
                    {"model", settings},
                    {"post_processor", tree.value("post_processor", Json())},
                    {"decoder", tree.value("decoder", Json())}};
  return parts;
}

Result<std::string> chain_file_of(const std::string& name, const ChainParts& parts) {
  CIYUAN_TRY_STATUS(check_size(parts.model.tokens.size()));
  const auto tried = pipeline::Chain::make(parts);
  if (!tried) return tried.error();
  Json added = Json::array();
  for (const AddedToken& token : parts.added)
    added.push_back({{"id", token.id},
                     {"content", token.content},
                     {"special", token.special},
                     {"lstrip", token.lstrip},
                     {"rstrip", token.rstrip},
                     {"normalized", token.normalized},
                     {"literal", token.literal},
                     {"single_word", token.single_word}});
  const Json header = {{"name", name},
                       {"pretokenizer", "chain"},
                       {"tokens", parts.model.tokens.size()},
                       {"merges", parts.model.merges.size()},
                       {"has_scores", !parts.model.scores.empty()},
                       {"settings", parts.settings},
                       {"added_tokens", added}};
  const std::string text = header.dump();
  std::string file = "CIYUANV1";
  append_number(file, text.size(), 4);
  file += text;
  for (std::size_t id = 0; id < parts.model.tokens.size(); ++id)
    append_number(file, parts.model.is_token[id] ? parts.model.tokens[id].size() + 1 : 0, 4);
  for (const std::string& token : parts.model.tokens) file += token;
  for (const double score : parts.model.scores) append_number(file, std::bit_cast<std::uint64_t>(score), 8);
  for (const ModelParts::Merge& merge : parts.model.merges)
    append_number(file, merge.left, 4), append_number(file, merge.right, 4);
  return file;
}

}  // namespace ciyuan::token::import
