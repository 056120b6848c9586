// Any text in any pieces through general tokenizers of all sorts: the count after each append is that of the
// whole so far, never above the bound; the longest prefix keeps its promise. The first two bytes choose the
// tokenizer and the sizes of the pieces.

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "growing.h"
#include "token/import/chain_json.h"
#include "token/incremental_counter.h"
#include "token/vocabulary.h"

using namespace ciyuan;
using namespace ciyuan::token;

namespace {

constexpr const char* kNormalizers[] = {
    "null",
    R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true})",
    R"({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Strip", "strip_left": true, "strip_right": true}]})",
    R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}, {"type": "Prepend", "prepend": "_"}]})",
    R"({"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]})",
    R"({"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "Replace", "pattern": {"String": "aa"}, "content": "b"}]})",
    R"({"type": "ByteLevel"})",
    R"({"type": "SentencePiece", "precompiled_charsmap": "", "add_dummy_prefix": true, "remove_extra_whitespaces": true,
        "escape_whitespaces": true, "treat_whitespace_as_suffix": true, "symbols": ["ab", "abc  "]})"};
constexpr const char* kPreTokenizers[] = {
    "null",
    R"({"type": "BertPreTokenizer"})",
    R"({"type": "Whitespace"})",
    R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": true})",
    R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": false})",
    R"({"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "MergedWithNext"}, {"type": "Digits", "individual_digits": false}]})",
    R"x({"type": "Split", "pattern": {"Regex": "a+|\\s+(?!\\S)"}, "behavior": "Contiguous", "invert": true})x",
    R"({"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}, {"type": "FixedLength", "length": 3}]})",
    R"({"type": "ByteLevel", "add_prefix_space": true, "use_regex": true})"};
constexpr const char* kModels[] = {
    R"({"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "#", "max_input_chars_per_word": 5,
        "vocab": {"?": 0, "a": 1, "b": 2, "#a": 3, "#b": 4, "ab": 5, "#ba": 6}})",
    R"({"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "ab": 2, "_a": 3}})",
    R"({"type": "Unigram", "unk_id": 0, "byte_fallback": false,
        "vocab": [["?", 0.0], ["a", -1.5], ["b", -1.7], ["ab", -2.1], ["_", -1.1], ["_a", -2.3], ["aba", -3.3], ["cc", -9.0]]})",
    R"({"type": "BPE", "unk_token": "?", "fuse_unk": true, "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3, "_": 4, "_a": 5, "aba": 6},
        "merges": ["a b", "_ a", "ab a"]})",
    R"({"type": "BPE", "unk_token": null, "end_of_word_suffix": "$", "vocab": {"a": 0, "b": 1, "a$": 2, "ab$": 3, "b$": 4}, "merges": ["a b$"]})"};
constexpr const char* kAdded[] = {
    "[]",
    R"([{"id": 0, "content": "aba", "special": false, "lstrip": false, "rstrip": true, "normalized": true, "single_word": true}])",
    R"([{"id": 0, "content": "b ", "special": true, "lstrip": true, "rstrip": false, "normalized": false, "single_word": false}])"};

std::shared_ptr<const Vocabulary> vocabulary_of(unsigned number) {
  static std::vector<std::shared_ptr<const Vocabulary>> known(
      std::size(kNormalizers) * std::size(kPreTokenizers) * std::size(kModels) * std::size(kAdded));
  auto& vocabulary = known[number %= known.size()];
  if (vocabulary) return vocabulary;
  const auto pick = [&number](const auto& list) {
    const char* picked = list[number % std::size(list)];
    number /= static_cast<unsigned>(std::size(list));
    return *parse_json(picked);
  };
  Json tree = {
      {"normalizer", pick(kNormalizers)}, {"pre_tokenizer", pick(kPreTokenizers)}, {"model", pick(kModels)}};
  Json added = pick(kAdded);
  if (!added.empty()) {
    // As the reference numbers it.
    const std::string content = added[0]["content"];
    const Json& vocab = tree["model"]["vocab"];
    std::size_t id = vocab.size();
    if (vocab.is_object() && vocab.contains(content)) id = vocab[content];
    for (std::size_t i = 0; vocab.is_array() && i < vocab.size(); ++i)
      if (vocab[i][0] == content) id = i;
    added[0]["id"] = id;
  }
  tree["added_tokens"] = added;
  const auto parts = import::read_chain_json(tree);
  if (!parts.ok()) std::abort();
  const auto file = import::chain_file_of("fuzzed", *parts);
  if (!file.ok()) return nullptr;
  const auto made = Vocabulary::parse(*file);
  if (!made.ok()) std::abort();
  return vocabulary = *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const auto vocabulary = vocabulary_of(data[0] | data[1] << 8);
  if (!vocabulary) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 3), size - 3);
  count_growing(vocabulary, text, data[2]);
  return 0;
}
