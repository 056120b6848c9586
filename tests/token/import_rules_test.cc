/// What an imported file may say, and what becomes of it.

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/token/small_tokenizers.h"
#include "token/import/gguf_names.h"
#include "token/vocabulary_file.h"

namespace ciyuan::token {
namespace {

/// A rank file of so many tokens: all bytes, then some of three bytes that nothing joins.
std::string ranks(std::size_t count) {
  std::string file;
  for (std::size_t rank = 0; rank < count; ++rank) {
    std::string token(1, static_cast<char>(rank));
    if (rank >= 256)
      token = {static_cast<char>(rank >> 16), static_cast<char>(rank >> 8), static_cast<char>(rank)};
    file += to_base64(bytes_of(token)) + " " + std::to_string(rank) + "\n";
  }
  return file;
}

TEST(ImportRules, as_many_tokens_as_a_vocabulary_file_holds_and_not_one_more) {
  const ImportOptions options{.name = "mine", .pretokenizer = "cl100k"};
  const auto full = imported(ranks(kTokensMax), options);
  ASSERT_TRUE(full.ok()) << full.error().text();
  EXPECT_EQ((*full)->size(), kTokensMax);
  EXPECT_EQ((*full)->encode("ab"), (std::vector<TokenId>{'a', 'b'}));
  const auto over = imported(ranks(kTokensMax + 1), options);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(over.error().text().find("262144 tokens: at most 262143"), std::string::npos)
      << over.error().text();
}

TEST(ImportRules, an_id_that_an_ordinary_token_has_is_no_special_tokens) {
  ImportOptions options{.name = "mine", .pretokenizer = "cl100k", .specials = {{"<end>", 97}}};
  const auto vocabulary = imported(ranks(300), options);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
  const auto proof = prove_vocabulary(**vocabulary, "");
  ASSERT_FALSE(proof.ok());
  EXPECT_NE(proof.error().text().find("\"<end>\" has the id of the ordinary token \"a\""), std::string::npos)
      << proof.error().text();
  options.specials = {{"<end>", 300}};
  EXPECT_TRUE(prove_vocabulary(*imported(ranks(300), options).value(), "").ok());
  // The token itself may be said to be a special one.
  options.specials = {{"a", 97}};
  EXPECT_TRUE(prove_vocabulary(*imported(ranks(300), options).value(), "").ok());
}

TEST(ImportRules, truncation_is_refused_unless_texts_are_to_be_counted_to_their_end) {
  Json tree = small_tree();
  tree["truncation"] = {{"max_length", 512}, {"stride", 0}};
  tree["padding"] = {{"strategy", {{"Fixed", 128}}}};
  const auto refused = imported(tree.dump());
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().text().starts_with("truncation: ")) << refused.error().text();
  EXPECT_NE(refused.error().text().find("--whole-texts"), std::string::npos);
  EXPECT_TRUE(imported(tree.dump(), {.name = "mine", .whole_texts = true}).ok());
  const auto lines = left_out(tree.dump());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("padding"), std::string::npos);
  EXPECT_NE(lines[1].find("512"), std::string::npos);
  tree["truncation"] = nullptr, tree["padding"] = nullptr;
  EXPECT_TRUE(imported(tree.dump()).ok());
  EXPECT_TRUE(left_out(tree.dump()).empty());
}

std::vector<TokenId> framed_by(const Json& post_processor) {
  Json tree = small_tree();
  tree["normalizer"] = {{"type", "NFKC"}};  // the general tokenizer's
  tree["post_processor"] = post_processor;
  const auto vocabulary = imported(tree.dump());
  EXPECT_TRUE(vocabulary.ok()) << vocabulary.error().text();
  return (*vocabulary)->encode_framed("ab<end>").value();
}

TEST(ImportRules, a_post_processor_frames_a_text_where_that_is_asked_for) {
  const Json named = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 7}}, {"cls", {"[CLS]", 5}}};
  EXPECT_EQ(framed_by(nullptr), (std::vector<TokenId>{95, 97}));
  EXPECT_EQ(framed_by(named), (std::vector<TokenId>{5, 95, 97, 7}));
  Json other = named;
  other["type"] = "RobertaProcessing";
  EXPECT_EQ(framed_by(other), (std::vector<TokenId>{5, 95, 97, 7}));
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}};
  EXPECT_EQ(framed_by(bytes), (std::vector<TokenId>{95, 97}));
  const Json from_template = {
      {"type", "TemplateProcessing"},
      {"single",
       {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
      {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {11, 12}}, {"tokens", {"<s>", "x"}}}}}}};
  EXPECT_EQ(framed_by(from_template), (std::vector<TokenId>{11, 12, 95, 97}));
  EXPECT_EQ(framed_by({{"type", "Sequence"}, {"processors", {bytes, named}}}),
            (std::vector<TokenId>{5, 95, 97, 7}));
}

TEST(ImportRules, framed_vectors_are_compared_and_a_file_that_does_not_say_the_frame_is_told) {
  Json tree = small_tree();
  const auto fast = imported(tree.dump()).value();
  EXPECT_FALSE(fast->encode_framed("ab").ok());
  tree["normalizer"] = {{"type", "NFKC"}};
  tree["post_processor"] = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 7}}, {"cls", {"[CLS]", 5}}};
  const auto general = imported(tree.dump()).value();
  EXPECT_TRUE(prove_vocabulary(*general, R"({"text":"ab","ids":[5,95,7],"mode":"framed"})").ok());
  EXPECT_FALSE(prove_vocabulary(*general, R"({"text":"ab","ids":[95],"mode":"framed"})").ok());
}

TEST(ImportRules, post_processors_that_are_none_are_refused_with_their_place) {
  const auto refusal = [](const Json& post_processor) {
    Json tree = small_tree();
    tree["normalizer"] = {{"type", "NFKC"}};
    tree["post_processor"] = post_processor;
    const auto made = imported(tree.dump());
    return made.ok() ? "" : made.error().text();
  };
  EXPECT_TRUE(refusal({{"type", "BertProcessing"}, {"sep", {"x", -1}}, {"cls", {"x", 1}}})
                  .starts_with("post_processor.sep: "));
  EXPECT_TRUE(refusal({{"type", "TemplateProcessing"}}).starts_with("post_processor.single: "));
  EXPECT_TRUE(refusal({{"type", "TemplateProcessing"},
                       {"single", {{{"Sequence", {{"id", "B"}}}}}},
                       {"special_tokens", Json::object()}})
                  .starts_with("post_processor.single[0]: "));
  // A second one would frame each part of what the first makes.
  const Json named = {{"type", "BertProcessing"}, {"sep", {"[SEP]", 7}}, {"cls", {"[CLS]", 5}}};
  EXPECT_TRUE(refusal({{"type", "Sequence"}, {"processors", {named, named}}})
                  .starts_with("post_processor.processors[1]: "));
  EXPECT_TRUE(refusal({{"type", "Sequence"}, {"processors", {{{"type", "Sequence"}}}}})
                  .starts_with("post_processor.processors[0]: "));
}

TEST(ImportRules, knows_the_names_of_ggufs_and_can_do_what_each_stands_for) {
  for (const char* name :
       {"gpt-2",      "phi-2",       "starcoder", "command-r",      "llama-bpe",  "falcon3",
        "glm4",       "chatglm-bpe", "dbrx",      "gpt-4o",         "minimax-m2", "qwen2",
        "hunyuan",    "qwen35",      "tekken",    "deepseek-v3",    "kimi-k2",    "bailingmoe",
        "seed-coder", "ufakzeka",    "falcon",    "deepseek-coder", "bloom",      "viking"}) {
    ASSERT_NE(import::gguf_pre(name), nullptr) << name;
    const auto vocabulary = imported(small_gguf("gpt2", name));
    ASSERT_TRUE(vocabulary.ok()) << name << ": " << vocabulary.error().text();
    EXPECT_EQ((*vocabulary)->encode_with_specials("abcab<end>"), (std::vector<TokenId>{4, 3, 5})) << name;
  }
  for (const char* name : {"afmoe", "tiny_aya", "gemma4", "default", ""}) {
    const auto refused = imported(small_gguf("gpt2", name));
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_NE(refused.error().text().find("tokenizer.ggml.pre: \"" + std::string(name) + "\""),
              std::string::npos);
  }
}

}  // namespace
}  // namespace ciyuan::token
