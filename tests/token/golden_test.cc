#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

Json vectors(const char* file) {
  const std::string path = std::string(CIYUAN_SOURCE_DIR) + "/tests/token/vectors/" + file;
  return parse_json(read_file(path, 1 << 22).value()).value().at("vectors");
}

// One vocabulary at a time, so that one which is not installed is a skip that says so.
class Vectors : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto found = VocabularySet::standard().find(GetParam());
    if (!found.ok() && found.error().code == ErrorCode::kNotFound &&
        (std::string_view(GetParam()).starts_with("llama") || std::string_view(GetParam()) == "gemma3"))
      GTEST_SKIP() << found.error().text();
    ASSERT_TRUE(found.ok()) << found.error().text();
    vocabulary = *found;
  }
  std::shared_ptr<const Vocabulary> vocabulary;
};
INSTANTIATE_TEST_SUITE_P(Golden, Vectors,
                         testing::Values("o200k", "cl100k", "o200k_harmony", "p50k", "r50k", "qwen2.5",
                                         "qwen3", "qwen3.5", "deepseek_v3", "deepseek_v4", "tekken", "llama3",
                                         "llama4", "smollm2", "mistral_v1", "mistral_v3", "mistral_v7",
                                         "llama2", "gemma3"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

// Our files, against ids that the reference tokenizers gave (the file names their versions).
TEST_P(Vectors, the_ids_are_the_references) {
  int compared = 0;
  for (const Json& row : vectors("golden.json")) {
    if (row.at("vocabulary") != GetParam()) continue;
    const auto text = row.at("text").get<std::string>();
    EXPECT_EQ(vocabulary->encode(text), row.at("plain").get<std::vector<TokenId>>()) << text;
    EXPECT_EQ(vocabulary->encode_with_specials(text), row.at("with_specials").get<std::vector<TokenId>>())
        << text;
    ++compared;
  }
  EXPECT_EQ(compared, 11);
}

// The vectors that llama.cpp, tiktoken and others test themselves with.
TEST_P(Vectors, the_ids_are_those_that_others_published) {
  int compared = 0;
  for (const Json& row : vectors("published.json")) {
    if (row.at("vocabulary") != GetParam()) continue;
    const auto text = row.at("text").get<std::string>();
    const auto ids = row.at("ids").get<std::vector<TokenId>>();
    const bool plain = row.at("mode") == "plain";
    EXPECT_EQ(plain ? vocabulary->encode(text) : vocabulary->encode_with_specials(text), ids)
        << row.at("source") << ": " << text;
    EXPECT_EQ(plain ? vocabulary->count(text) : vocabulary->count_with_specials(text),
              Tokens{static_cast<std::int64_t>(ids.size())})
        << row.at("source") << ": " << text;
    ++compared;
  }
  const std::string_view name = GetParam();
  const bool has_none = name.starts_with("deepseek") || name == "smollm2" || name == "mistral_v7";
  EXPECT_GE(compared, has_none ? 0 : 20);
}

}  // namespace
}  // namespace ciyuan::token
