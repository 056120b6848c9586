#include "token/importer.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/token/small_tokenizers.h"

namespace ciyuan::token {
namespace {

std::string refusal(const Json& tree) {
  const auto result = imported(tree.dump());
  return result.ok() ? "" : result.error().text();
}

template <class Change>
std::string refusal_after(Change change) {
  Json tree = small_tree();
  change(tree);
  return refusal(tree);
}

TEST(Importer, reads_a_tokenizer_json) {
  const auto vocabulary = imported(small_tree().dump());
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
  EXPECT_EQ((*vocabulary)->encode("abc ab!"), (std::vector<TokenId>{96, 94, 95, 0}));
  EXPECT_EQ((*vocabulary)->encode_with_specials("a<end>"), (std::vector<TokenId>{64, 97}));
  const auto proof = prove_vocabulary(**vocabulary, "");
  ASSERT_TRUE(proof.ok()) << proof.error().text();
  EXPECT_EQ(proof->tokens, 97u);
  EXPECT_EQ(proof->specials, 1u);
}

TEST(Importer, takes_an_expression_without_a_matcher) {
  Json tree = small_tree();
  tree["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers",
                            {{{"type", "Split"},
                              {"pattern", {{"Regex", "b+|[^b]+"}}},
                              {"behavior", "Isolated"},
                              {"invert", false}},
                             {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  const auto vocabulary = imported(tree.dump());
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
  EXPECT_EQ((*vocabulary)->encode("abc"), (std::vector<TokenId>{64, 65, 66}));
}

TEST(Importer, names_the_place_of_what_it_does_not_support) {
  const auto starts = [](const std::string& text, const char* path) {
    EXPECT_TRUE(text.starts_with(path)) << text << " / " << path;
  };
  starts(refusal_after([](Json& t) { t["model"]["type"] = "Other"; }), "model.type: \"Other\"");
  starts(refusal_after([](Json& t) { t["model"]["type"] = "Unigram"; }), "model.vocab: not a list");
  starts(refusal_after([](Json& t) { t["model"]["unk_token"] = "<unk>"; }), "model.unk_token: ");
  starts(refusal_after([](Json& t) { t["model"]["dropout"] = 0.1; }), "model.dropout: ");
  starts(refusal_after([](Json& t) {
           t["normalizer"] = {{"type", "Sequence"},
                              {"normalizers", {{{"type", "NFC"}}, {{"type", "Uppercase"}}}}};
         }),
         "normalizer.normalizers[1]: not supported: {\"type\":\"Uppercase\"}");
  starts(refusal_after([](Json& t) {
           t["pre_tokenizer"] = {{"type", "Metaspace"}};
         }),
         "pre_tokenizer.replacement: ");
  starts(
      refusal_after([](Json& t) {
        t["pre_tokenizer"] = {
            {"type", "Split"}, {"pattern", {{"Regex", "a$"}}}, {"behavior", "Isolated"}, {"invert", false}};
      }),
      "pre_tokenizer.pattern.Regex: ");
  // What only the general tokenizer reads is refused where that is needed.
  starts(refusal_after([](Json& t) {
           t["normalizer"] = {{"type", "NFKC"}};
           t["decoder"] = {{"type", "Other"}};
         }),
         "decoder: not supported: {\"type\":\"Other\"}");
  starts(refusal_after([](Json& t) {
           t["normalizer"] = {{"type", "NFKC"}};
           t["post_processor"] = {{"type", "Other"}};
         }),
         "post_processor: ");
  starts(refusal_after([](Json& t) {
           t["added_tokens"][0]["single_word"] = true;
           t["added_tokens"][0]["id"] = 99;
         }),
         "added_tokens[0].id: 99");
  starts(refusal_after([](Json& t) { t["model"]["merges"] = {"x y"}; }), "model.merges[0]: ");
  starts(refusal_after([](Json& t) { t["model"]["vocab"]["zz"] = 4'000'000'000u; }), "model.vocab: ");
  starts(refusal_after([](Json& t) { t["model"]["vocab"]["zz"] = 3; }), "model.vocab: ");
  starts(refusal_after([](Json& t) { t["model"]["vocab"] = Json::array(); }), "model.vocab: ");
  starts(refusal_after([](Json& t) { t["model"].erase("merges"); }), "model.merges: ");
  starts(refusal_after([](Json& t) { t.erase("model"); }), "model.type: ");
}

TEST(Importer, reads_ranks_and_takes_special_tokens_from_the_caller) {
  std::string file;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    file += to_base64(bytes_of(std::string_view(&c, 1))) + " " + std::to_string(byte) + "\n";
  }
  file += to_base64(bytes_of("ab")) + " 256\n" + to_base64(bytes_of("abc")) + " 257\n";
  const auto vocabulary =
      imported(file, {.name = "mine", .pretokenizer = "cl100k", .specials = {{"<end>", 300}}});
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
  EXPECT_EQ((*vocabulary)->encode_with_specials("abc<end>"), (std::vector<TokenId>{257, 300}));
  EXPECT_TRUE(prove_vocabulary(**vocabulary, "{\"text\":\"ab\",\"ids\":[256]}\n").ok());
  EXPECT_FALSE(imported(file).ok());  // without the pretokenizer
  for (const char* bad :
       {"YQ==", "YQ== x", "YQ== 99999999", "!!! 1", " 1", "YQ== 1\nYg== 1", "YQ== 1\nYQ== 2"})
    EXPECT_FALSE(imported(bad, {.name = "mine", .pretokenizer = "cl100k", .specials = {}}).ok()) << bad;
}

TEST(Importer, reads_a_gguf_and_refuses_every_front_of_it) {
  const std::string file = small_gguf();
  const auto vocabulary = imported(file);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.error().text();
  EXPECT_EQ((*vocabulary)->encode_with_specials("abcab<end>"), (std::vector<TokenId>{4, 3, 5}));
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(imported(file.substr(0, size)).ok()) << size;
  EXPECT_NE(imported(small_gguf("bert")).error().text().find("tokenizer.ggml.model: \"bert\""),
            std::string::npos);
  EXPECT_NE(imported(small_gguf("gpt2", "novel")).error().text().find("\"novel\""), std::string::npos);
}

TEST(Importer, refuses_what_is_no_tokenizer) {
  for (std::string_view file :
       {std::string_view(""), std::string_view("{"), std::string_view("{}"), std::string_view("[]"),
        std::string_view("\x0A\x0E\x0A\x05<unk>\x15\0\0\0\0", 14), std::string_view("GGUF"),
        std::string_view("\0\0", 2)})
    EXPECT_FALSE(imported(file).ok());
  EXPECT_NE(imported(std::string_view("\x0A\x0E\x0A\x05<unk>\x15", 10)).error().text().find("SentencePiece"),
            std::string::npos);
  for (const char* name : {"", "Upper", "../up", "a/b", ".hidden", "a b"})
    EXPECT_FALSE(imported(small_tree().dump(), {.name = name, .pretokenizer = "", .specials = {}}).ok())
        << name;
}

TEST(Importer, a_vector_that_differs_is_said) {
  const auto vocabulary = imported(small_tree().dump()).value();
  EXPECT_EQ(
      prove_vocabulary(*vocabulary, R"({"vectors":[{"text":"abc","ids":[96]},{"text":"<end>","ids":[97]}]})")
          ->vectors,
      2u);
  EXPECT_EQ(
      prove_vocabulary(*vocabulary, "{\"text\":\"abc\",\"ids\":[96]}\n\n{\"text\":\"a\",\"ids\":[64]}\n")
          ->vectors,
      2u);
  for (const char* bad : {R"({"text":"abc","ids":[94,66]})", R"({"text":"abc"})", "[]", "x",
                          R"({"vectors":[]})", R"({"vectors":[1]})", R"({"text":"a","ids":["b"]})"})
    EXPECT_FALSE(prove_vocabulary(*vocabulary, bad).ok()) << bad;
}

// What the fuzzer of imports begins with, so that it gets behind the refusals (fuzz/make_token_seeds.py).
TEST(Importer, reads_the_seeds_of_sentencepieces_kind) {
  const std::string folder = std::string(CIYUAN_SOURCE_DIR) + "/fuzz/token_corpus/import/sentencepiece";
  const std::vector<std::pair<std::string, std::vector<TokenId>>> kSeeds = {
      {"_plain.model", {271, 259, 275}},    {"_equal_scores.model", {271, 259, 275}},
      {"_literals.model", {273, 262, 278}}, {"_prepend.json", {271, 259, 275}},
      {"_replace.json", {270, 259, 275}},   {".gguf", {271, 259, 275}},
      {"_metaspace.json", {271, 259, 275}}};
  for (const auto& [name, ids] : kSeeds) {
    const auto vocabulary = imported(read_file(folder + name, 1 << 20).value());
    ASSERT_TRUE(vocabulary.ok()) << name << ": " << vocabulary.error().text();
    EXPECT_EQ((*vocabulary)->encode("the ban"), ids) << name;
    const auto proof = prove_vocabulary(**vocabulary, "");
    EXPECT_TRUE(proof.ok()) << name << ": " << proof.error().text();
  }
}

}  // namespace
}  // namespace ciyuan::token
