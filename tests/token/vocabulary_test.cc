#include "token/vocabulary.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/file.h"
#include "tests/token/random_text.h"
#include "token/internal/engine.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

std::shared_ptr<const Vocabulary> vocabulary(std::string_view name) {
  return VocabularySet::standard().find(name).value();
}

TEST(Vocabulary, gives_the_ids_that_the_reference_gives) {
  // Computed with PyPI tiktoken 0.14.0 (o200k_base, cl100k_base) and tokenizers 0.23.3 (the others),
  // 2026-11-24.
  using Ids = std::vector<TokenId>;
  EXPECT_EQ(vocabulary("cl100k")->encode("hello world"), (Ids{15339, 1917}));
  EXPECT_EQ(vocabulary("o200k_base")->encode("hello world"), (Ids{24912, 2375}));
}

TEST(Vocabulary, decodes_what_it_encodes) {
  std::mt19937_64 random(5);
  // Not smollm2: it has no token for a few bytes that occur in no text it was made for, and drops them, as
  // the reference does.
  for (const char* name : {"o200k", "cl100k", "deepseek_v3"}) {
    auto known = vocabulary(name);
    for (int i = 0; i < 500; ++i) {
      std::string text = random_text(random, 20);
      ASSERT_EQ(known->decode(known->encode(text)).value(), text) << name;
      ASSERT_EQ(known->count(text).value, static_cast<std::int64_t>(known->encode(text).size()));
    }
  }
}

TEST(Vocabulary, a_text_that_was_seen_as_a_part_is_still_one_token_as_a_pretoken) {
  // Llama 3 has tokens that no joins lead to. Between two characters that nothing joins it is several tokens.
  auto llama = vocabulary("llama3");
  int only_whole = 0;
  for (TokenId id = 0; id < llama->engine().bpe.size(); ++id) {
    const std::string token(llama->engine().bpe.bytes_of(id));
    if (token.size() < 6 || static_cast<unsigned char>(token[0]) < 0xE3 || !is_utf8(token) ||
        !llama->engine().bpe.is_token_only_whole(token))
      continue;
    ++only_whole;
    for (const std::string neighbour : {"の", "丂", "ぺ"}) (void)llama->count(neighbour + token + neighbour);
    ASSERT_EQ(llama->count(token).value, static_cast<std::int64_t>(llama->encode(token).size())) << token;
  }
  EXPECT_GT(only_whole, 5);
}

TEST(Vocabulary, special_tokens_count_as_one_only_where_they_are_asked_for) {
  auto qwen = vocabulary("qwen3");
  EXPECT_EQ(qwen->count_with_specials("<|im_start|>").value, 1);
  EXPECT_GT(qwen->count("<|im_start|>").value, 1);
}

TEST(Vocabulary, long_runs_take_no_quadratic_time) {
  for (const char* name : {"o200k", "qwen3", "deepseek_v3", "smollm2"})
    for (std::string unit : {"a", " ", "词", "1", "!", "\n", "\xF0\x9F\x98\x80"}) {
      std::string text;
      while (text.size() < (1 << 20)) text += unit;
      EXPECT_GT(vocabulary(name)->count(text).value, 1000) << name;
    }
}

TEST(Vocabulary, refuses_damaged_files_and_never_aborts) {
  std::string packed =
      read_file(std::string(CIYUAN_SOURCE_DIR) + "/data/vocabularies/smollm2.ciyuan-vocab.zst", 1 << 24)
          .value();
  EXPECT_FALSE(Vocabulary::parse("").ok());
  EXPECT_FALSE(Vocabulary::parse("not a vocabulary").ok());
  for (std::size_t size : {std::size_t{4}, std::size_t{100}, packed.size() / 2, packed.size() - 1})
    EXPECT_FALSE(Vocabulary::parse(packed.substr(0, size)).ok()) << size;
  std::mt19937_64 random(9);
  for (int i = 0; i < 50; ++i) {
    std::string damaged = packed;
    damaged[random() % damaged.size()] ^= static_cast<char>(1 + random() % 255);
    (void)Vocabulary::parse(damaged);
  }
}

TEST(VocabularySet, names_what_there_is_when_asked_for_what_is_not) {
  auto missing = VocabularySet::standard().find("gpt-9");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("o200k"), std::string::npos);
}

}  // namespace
}  // namespace ciyuan::token
