/// Hugging Face's tokenizer.json and Mistral's tekken.json.

#include "token/import/tokenizer_json.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/json.h"
#include "token/import/raw_tokenizer.h"
#include "token/internal/bpe.h"

namespace ciyuan::token::import {
namespace {

constexpr std::uint32_t kAddedIdsMax = 1u << 24;

/// The expressions that have matchers of ours.
std::string matcher_of(const std::vector<std::string>& expressions) {
  const std::string cut = R"((?i:'s|'t|'re|'ve|'m|'ll|'d))", head = R"([^\r\n\p{L}\p{N}]?)";
  const std::string tail = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string slashes = R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string u = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])", v = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
  const std::string gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  const std::vector<std::string> deepseek = {
      R"(\p{N}{1,3})", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
      "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};
  if (expressions == deepseek) return "deepseek_v3";
  if (expressions.size() == 2 && expressions[0] == "\\p{numeric}" && expressions[1] == gpt2) return "smollm2";
  if (expressions.size() != 1) return "regex";
  const std::string& one = expressions[0];
  if (one == gpt2) return "gpt2";
  if (one == cut + "|" + head + R"(\p{L}+|\p{N})" + tail) return "qwen2";
  if (one == cut + "|" + head + R"(\p{L}+|\p{N}{1,3})" + tail) return "llama3";
  if (one ==
      cut + "|" + head + R"([\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)")
    return "qwen35";
  if (one ==
      head + u + "*" + v + "+" + cut + "?|" + head + u + "+" + v + "*" + cut + R"(?|\p{N}{1,3})" + slashes)
    return "o200k";
  if (one == head + u + "*" + v + "+|" + head + u + "+" + v + R"(*|\p{N})" + slashes) return "tekken";
  return "regex";
}

Result<bool> is_nfc(const Json& normalizer, const std::string& path) {
  if (normalizer.is_null()) return false;
  const std::string type = type_of(normalizer);
  if (type == "NFC") return true;
  if (type != "Sequence" || !normalizer.contains("normalizers") || !normalizer["normalizers"].is_array())
    return not_supported(path, normalizer);
  bool nfc = false;
  std::size_t index = 0;
  for (const Json& each : normalizer["normalizers"]) {
    if (type_of(each) != "NFC")
      return not_supported(path + ".normalizers[" + std::to_string(index) + "]", each);
    nfc = true, ++index;
  }
  return nfc;
}

/// A text that an expression takes letter by letter.
std::string literal(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}#&-").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

Status add_step(const Json& step, const std::string& path, std::vector<std::string>& expressions) {
  const std::string type = type_of(step);
  if (type == "Split") {
    if (step.value("behavior", "") != "Isolated" || step.value("invert", false))
      return not_supported(path, step);
    const Json pattern = step.value("pattern", Json());
    if (pattern.is_object() && pattern.contains("Regex") && pattern["Regex"].is_string())
      expressions.push_back(pattern["Regex"]);
    else if (pattern.is_object() && pattern.contains("String") && pattern["String"].is_string())
      expressions.push_back(literal(pattern["String"]));
    else
      return not_supported(path + ".pattern", pattern);
    return {};
  }
  if (type == "Digits") {
    expressions.push_back(step.value("individual_digits", false) ? "\\p{numeric}" : "\\p{numeric}+");
    return {};
  }
  return not_supported(path, step);
}

/// The steps of a pre_tokenizer, which must end in ByteLevel.
Result<std::vector<std::string>> expressions_of(const Json& pre_tokenizer) {
  std::vector<std::string> expressions;
  const bool sequence = type_of(pre_tokenizer) == "Sequence";
  if (sequence && !pre_tokenizer.value("pretokenizers", Json()).is_array())
    return not_supported("pre_tokenizer", pre_tokenizer);
  const Json steps = sequence ? pre_tokenizer["pretokenizers"] : Json::array({pre_tokenizer});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string path =
        sequence ? "pre_tokenizer.pretokenizers[" + std::to_string(i) + "]" : "pre_tokenizer";
    if (type_of(steps[i]) != "ByteLevel") {
      if (i + 1 == steps.size())
        return invalid(path, "the last step is no ByteLevel: not a byte-level tokenizer");
      CIYUAN_TRY_STATUS(add_step(steps[i], path, expressions));
      continue;
    }
    if (i + 1 != steps.size() || steps[i].value("add_prefix_space", true))
      return not_supported(path, steps[i]);
    if (steps[i].value("use_regex", true))
      expressions.push_back(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  }
  if (expressions.empty()) return invalid("pre_tokenizer", "no step cuts the text, which is not supported");
  return expressions;
}

Status read_tokens(const Json& model, RawTokenizer& raw) {
  const auto vocabulary = model.find("vocab");
  if (vocabulary == model.end() || !vocabulary->is_object() || vocabulary->empty())
    return invalid("model.vocab", "not an object of tokens and ids");
  std::size_t total = 0;
  std::string bytes;
  for (const auto& [text, id] : vocabulary->items()) {
    CIYUAN_TRY(const std::uint32_t index, token_id(id, "model.vocab", text));
    if (index >= raw.tokens.size()) raw.tokens.resize(index + 1);
    if (!raw.tokens[index].empty())
      return invalid("model.vocab", "id " + std::to_string(index) + " for the second time");
    if (!bytes_of_alphabet(text, bytes)) continue;  // an added token that is listed here as well
    total += bytes.size();
    if (total > kAllTokensBytesMax)
      return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", "model.vocab"};
    raw.tokens[index] = bytes;
  }
  return {};
}

Status read_merges(const Json& model, RawTokenizer& raw) {
  raw.splits.resize(raw.tokens.size());
  CIYUAN_TRY(const std::vector<Merge> merges, merges_of(model));
  std::uint32_t last = 0;
  std::string left_bytes;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string where = "model.merges[" + std::to_string(i) + "]";
    if (!bytes_of_alphabet(merges[i].left, left_bytes) || raw.tokens[merges[i].made].empty())
      return not_supported(where, Json::array({merges[i].left, merges[i].right}));
    CIYUAN_TRY_STATUS(add_join(raw, merges[i].made, last, left_bytes.size(), where));
  }
  return {};
}

Result<RawTokenizer> read_tekken(const Json& tree, const std::string& pretokenizer) {
  const Json& config = tree["config"];
  if (!config.is_object() || !config.value("default_num_special_tokens", Json()).is_number_unsigned() ||
      !config.value("default_vocab_size", Json()).is_number_unsigned() ||
      !config.value("pattern", Json()).is_string())
    return invalid("config", "not a tekken's");
  const auto first = config["default_num_special_tokens"].get<std::uint64_t>();
  const auto size = config["default_vocab_size"].get<std::uint64_t>();
  if (size > kListedTokensMax || first >= size) return invalid("config.default_vocab_size", "out of range");
  RawTokenizer raw;
  raw.priority_is_token = raw.whole_piece = true;
  raw.expressions = {config["pattern"].get<std::string>()};
  raw.pretokenizer = pretokenizer.empty() ? matcher_of(raw.expressions) : pretokenizer;
  raw.tokens.resize(size);
  std::size_t total = 0;
  for (const Json& token : tree["vocab"]) {
    if (!token.is_object() || !token.value("rank", Json()).is_number_unsigned() ||
        !token.value("token_bytes", Json()).is_string())
      return not_supported("vocab", token);
    const auto rank = token["rank"].get<std::uint64_t>();
    if (rank >= size - first) continue;
    const auto bytes = from_base64(token["token_bytes"].get_ref<const std::string&>());
    if (!bytes.ok() || bytes->empty()) return not_supported("vocab", token);
    total += bytes->size();
    if (total > kAllTokensBytesMax) return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", "vocab"};
    raw.tokens[first + rank].assign(bytes->begin(), bytes->end());
  }
  // The oldest files do not name theirs: mistral-common's list, DEPRECATED_SPECIAL_TOKENS.
  std::vector<std::string> named = {"<unk>",
                                    "<s>",
                                    "</s>",
                                    "[INST]",
                                    "[/INST]",
                                    "[AVAILABLE_TOOLS]",
                                    "[/AVAILABLE_TOOLS]",
                                    "[TOOL_RESULTS]",
                                    "[/TOOL_RESULTS]",
                                    "[TOOL_CALLS]",
                                    "[IMG]",
                                    "<pad>",
                                    "[IMG_BREAK]",
                                    "[IMG_END]",
                                    "[PREFIX]",
                                    "[MIDDLE]",
                                    "[SUFFIX]",
                                    "[SYSTEM_PROMPT]",
                                    "[/SYSTEM_PROMPT]",
                                    "[TOOL_CONTENT]"};
  if (const Json listed = tree.value("special_tokens", Json()); listed.is_array() && !listed.empty()) {
    named.clear();
    for (const Json& token : listed) {
      if (!token.is_object() || !token.value("token_str", Json()).is_string() || token["token_str"] == "")
        return not_supported("special_tokens", token);
      named.push_back(token["token_str"]);
    }
  }
  for (std::uint64_t id = 0; id < first; ++id)
    raw.added.push_back({static_cast<TokenId>(id),
                         id < named.size() ? named[id] : "<SPECIAL_" + std::to_string(id) + ">", true, false,
                         false, false});
  split_by_ranks(raw);
  return raw;
}

}  // namespace

Status must_be_unset(const Json& object, const char* member, const std::string& path) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null() || *found == false || *found == "") return {};
  return not_supported(path + "." + member, *found);
}

Result<std::uint32_t> token_id(const Json& id, const std::string& path, const std::string& text) {
  if (id.is_number_unsigned() && id.get<std::uint64_t>() < kListedTokensMax) return id.get<std::uint32_t>();
  return invalid(path, "the id of \"" + text + "\" is no number below " + std::to_string(kListedTokensMax));
}

Result<std::vector<Merge>> merges_of(const Json& model) {
  const Json& vocabulary = model["vocab"];
  const auto listed = model.find("merges");
  if (listed == model.end() || !listed->is_array()) return invalid("model.merges", "not a list");
  std::vector<Merge> merges(listed->size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const Json& merge = (*listed)[i];
    const std::string where = "model.merges[" + std::to_string(i) + "]";
    auto& [left, right, made] = merges[i];
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const std::size_t space = text.find(' ');
      if (space == text.npos) return not_supported(where, merge);
      left = text.substr(0, space), right = text.substr(space + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0], right = merge[1];
    } else {
      return not_supported(where, merge);
    }
    const auto id = vocabulary.find(left + right);
    if (id == vocabulary.end() || !vocabulary.contains(left) || !vocabulary.contains(right))
      return invalid(where, "it joins or makes what is no token");
    made = id->get<std::uint32_t>();
  }
  return merges;
}

Status read_added(const Json& tree, RawTokenizer& raw) {
  const auto listed = tree.find("added_tokens");
  if (listed == tree.end() || listed->is_null()) return {};
  if (!listed->is_array()) return invalid("added_tokens", "not a list");
  for (std::size_t i = 0; i < listed->size(); ++i) {
    const Json& token = (*listed)[i];
    const std::string where = "added_tokens[" + std::to_string(i) + "]";
    if (!token.is_object() || !token.value("id", Json()).is_number_unsigned() ||
        !token.value("content", Json()).is_string() || token["id"] >= kAddedIdsMax || token["content"] == "")
      return not_supported(where, token);
    CIYUAN_TRY_STATUS(must_be_unset(token, "single_word", where));
    for (const char* flag : {"special", "lstrip", "rstrip", "normalized"})
      if (!token.value(flag, Json(false)).is_boolean()) return not_supported(where + "." + flag, token[flag]);
    raw.added.push_back({token["id"], token["content"], token.value("special", false),
                         token.value("lstrip", false), token.value("rstrip", false),
                         token.value("normalized", false)});
  }
  return {};
}

Result<RawTokenizer> read_tokenizer_json(std::string_view text, const std::string& pretokenizer) {
  CIYUAN_TRY(const Json tree, parse_json(text));
  if (!tree.is_object()) return invalid("file", "not an object");
  try {
    if (tree.contains("config") && tree.contains("vocab") && tree["vocab"].is_array())
      return read_tekken(tree, pretokenizer);
    if (pretokenizer.empty() && is_sentencepiece_json(tree)) return read_sentencepiece_json(tree);
    const Json model = tree.value("model", Json());
    if (type_of(model) != "BPE")
      return invalid("model.type", "\"" + type_of(model) + "\" is not supported (only BPE, byte-level, is)");
    for (const char* member :
         {"byte_fallback", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "dropout"})
      CIYUAN_TRY_STATUS(must_be_unset(model, member, "model"));
    RawTokenizer raw;
    CIYUAN_TRY(raw.nfc, is_nfc(tree.value("normalizer", Json()), "normalizer"));
    if (pretokenizer.empty()) {
      CIYUAN_TRY(raw.expressions, expressions_of(tree.value("pre_tokenizer", Json())));
      raw.pretokenizer = matcher_of(raw.expressions);
    } else {
      raw.pretokenizer = pretokenizer;
    }
    raw.whole_piece = model.value("ignore_merges", false);
    CIYUAN_TRY_STATUS(read_tokens(model, raw));
    CIYUAN_TRY_STATUS(read_merges(model, raw));
    CIYUAN_TRY_STATUS(read_added(tree, raw));
    CIYUAN_TRY_STATUS(check_literals(raw));
    return raw;
  } catch (const Json::exception& problem) {
    return invalid("file", std::string("not a tokenizer.json: ") + problem.what());
  }
}

}  // namespace ciyuan::token::import
