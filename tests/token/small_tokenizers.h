#pragma once

/// Files of tokenizers that a reader can see through.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "token/importer.h"

namespace ciyuan::token {

/// A tokenizer.json of the bytes that stand for themselves, and two joins.
inline Json small_tree() {
  Json vocabulary = Json::object();
  unsigned id = 0;
  for (char c = '!'; c <= '~'; ++c) vocabulary[std::string(1, c)] = id++;
  vocabulary["\u0120"] = id++;  // the space
  vocabulary["ab"] = id++;
  vocabulary["abc"] = id++;
  return {{"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"a b", "ab c"}}}},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
          {"added_tokens",
           {{{"id", id},
             {"content", "<end>"},
             {"special", true},
             {"single_word", false},
             {"lstrip", false},
             {"rstrip", false},
             {"normalized", false}}}}};
}

inline Result<std::shared_ptr<const Vocabulary>> imported(
    std::string_view file, ImportOptions options = {.name = "mine", .pretokenizer = "", .specials = {}}) {
  CIYUAN_TRY(const std::string content, import_vocabulary(file, options));
  return Vocabulary::parse(content);
}

/// As a tokenizer.json lists it.
inline Json added_token(TokenId id, const std::string& content, bool special = false) {
  return {{"id", id},        {"content", content},  {"special", special},  {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"single_word", false}};
}

class Gguf {
 public:
  Gguf() : bytes_("GGUF") { number<std::uint32_t>(3), number<std::uint64_t>(0), number<std::uint64_t>(5); }
  Gguf& entry(std::string_view key, std::string_view value) {
    return text(key), number<std::uint32_t>(8), text(value), *this;
  }
  Gguf& list(std::string_view key, const std::vector<std::string>& values) {
    text(key), number<std::uint32_t>(9), number<std::uint32_t>(8), number<std::uint64_t>(values.size());
    for (const std::string& value : values) text(value);
    return *this;
  }
  Gguf& kinds(const std::vector<std::int32_t>& values) {
    text("tokenizer.ggml.token_type"), number<std::uint32_t>(9), number<std::uint32_t>(5),
        number<std::uint64_t>(values.size());
    for (std::int32_t value : values) number(value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  template <class Number>
  void number(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) { number<std::uint64_t>(value.size()), bytes_ += value; }
  std::string bytes_;
};

inline std::string small_gguf(std::string_view model = "gpt2", std::string_view pre = "gpt-2") {
  return Gguf()
      .entry("tokenizer.ggml.model", model)
      .entry("tokenizer.ggml.pre", pre)
      .list("tokenizer.ggml.tokens", {"a", "b", "c", "ab", "abc", "<end>"})
      .kinds({1, 1, 1, 1, 1, 3})
      .list("tokenizer.ggml.merges", {"a b", "ab c"})
      .bytes();
}

}  // namespace ciyuan::token
