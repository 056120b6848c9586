/// Added tokens that are no control tokens are kept whole in ordinary text, by every engine alike. That this
/// is the reference's rule tests/conformance/token holds against Hugging Face's tokenizers.

#include <gtest/gtest.h>

#include <random>

#include "tests/token/random_text.h"
#include "tests/token/small_tokenizers.h"
#include "token/incremental_counter.h"
#include "token/internal/engine.h"
#include "token/parts.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

std::shared_ptr<const Vocabulary> with_literals(bool is_general) {
  Json tree = small_tree();
  if (is_general) tree["normalizer"] = {{"type", "NFKC"}};
  if (is_general) tree["decoder"] = {{"type", "ByteLevel"}};
  for (const auto& [id, content] : std::vector<std::pair<TokenId, const char*>>{
           {98, "<a>"}, {99, "<a>b"}, {100, "<a>bcab!"}, {101, "\n\n"}})
    tree["added_tokens"].push_back(added_token(id, content));
  const auto made = imported(tree.dump());
  EXPECT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ((*made)->engine().chain != nullptr, is_general);
  return *made;
}

TEST(Literals, the_longest_of_those_that_begin_first_is_kept_whole) {
  for (const bool is_general : {false, true}) {
    const auto vocabulary = with_literals(is_general);
    EXPECT_EQ(vocabulary->encode("ab<a>bcab"), (std::vector<TokenId>{95, 99, 66, 95}));
    EXPECT_EQ(vocabulary->encode("ab<a>bcab!<a>"), (std::vector<TokenId>{95, 100, 98}));
    EXPECT_EQ(vocabulary->encode("<<a>>"), (std::vector<TokenId>{27, 98, 29}));
    EXPECT_EQ(vocabulary->encode("<end>").size(), 5u) << "a control token is text";
    EXPECT_EQ(vocabulary->encode_with_specials("<end><a>"), (std::vector<TokenId>{97, 98}));
    const auto pieces = vocabulary->encode_with_ends("ab<a>a");
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[1].end, 5u);
    EXPECT_EQ(pieces[2].end, 6u);
  }
}

TEST(Literals, a_text_that_grows_counts_them_at_any_moment_as_the_whole_does) {
  std::mt19937_64 random(21);
  const std::vector<std::string> parts = {"<a>", "<a>b", "<a>bcab!", "<a",   ">", "b", "bc",
                                          "ab",  "<",    "\n",       "\n\n", "!", " ", "<end>"};
  const auto fast = with_literals(false), general = with_literals(true);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t i = random() % 9; i-- > 0;) text += parts[random() % parts.size()];
    ASSERT_EQ(fast->encode(text), general->encode(text)) << text;
    ASSERT_EQ(fast->count(text).value, static_cast<std::int64_t>(fast->encode(text).size())) << text;
    IncrementalCounter counter(fast);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 3, text.size() - at);
      counter.append(std::string_view(text).substr(at, size));
      at += size;
      const Tokens whole = fast->count(std::string_view(text).substr(0, at));
      if (random() % 2 == 0) ASSERT_EQ(counter.count(), whole) << "seed 21: " << text.substr(0, at);
      ASSERT_GE(counter.upper_bound(), whole);
      ASSERT_LE(counter.settled(), whole);
    }
    ASSERT_EQ(counter.count(), fast->count(text)) << text;
  }
}

TEST(Literals, the_families_that_have_some_keep_them_whole_at_any_split) {
  std::mt19937_64 random(22);
  for (const char* name : {"qwen3", "qwen3.5", "deepseek_v3"}) {
    const auto vocabulary = VocabularySet::standard().find(name).value();
    std::vector<const AddedToken*> literals;
    for (const AddedToken& token : vocabulary->added_tokens())
      if (!token.special) literals.push_back(&token);
    ASSERT_FALSE(literals.empty());
    for (const AddedToken* token : literals)
      EXPECT_EQ(vocabulary->encode(token->content), std::vector<TokenId>{token->id}) << token->content;
    for (int round = 0; round < 500; ++round) {
      std::string text = random_text(random, 5);
      for (int i = 0; i < 3; ++i) {
        const std::string& content = literals[random() % literals.size()]->content;
        text += random() % 4 == 0 ? content.substr(0, random() % content.size()) : content;
        text +=
            random() % 3 == 0 ? "\xCC\xB8" : random_text(random, 4);  // a mark that NFC would join with ">"
      }
      const auto ids = vocabulary->encode(text);
      ASSERT_EQ(vocabulary->count(text).value, static_cast<std::int64_t>(ids.size()));
      IncrementalCounter counter(vocabulary);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 9, text.size() - at);
        counter.append(std::string_view(text).substr(at, size));
        at += size;
        ASSERT_EQ(counter.count(), vocabulary->count(std::string_view(text).substr(0, at)))
            << name << ", seed 22: " << testing::PrintToString(text.substr(0, at));
      }
    }
  }
}

TEST(Literals, one_that_holds_a_line_feed_and_more_leaves_no_borders) {
  Json tree = small_tree();
  tree["added_tokens"].push_back(added_token(98, "\n\n"));
  EXPECT_TRUE(has_borders(*imported(tree.dump()).value()));
  tree["added_tokens"].push_back(added_token(99, "a\nb"));
  EXPECT_FALSE(has_borders(*imported(tree.dump()).value()));
}

TEST(Literals, what_a_plain_search_would_find_otherwise_is_left_to_the_general_engine) {
  const auto is_general = [](const Json& token, const char* control) {
    Json tree = small_tree();
    tree["added_tokens"][0]["content"] = control;
    tree["added_tokens"].push_back(token);
    tree["added_tokens"][1]["id"] = 98;
    const auto made = imported(tree.dump());
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() && (*made)->engine().chain != nullptr;
  };
  EXPECT_FALSE(is_general(added_token(98, "<kept>"), "<end>"));
  EXPECT_TRUE(is_general(added_token(98, "nd"), "<end>")) << "hidden by the control token";
  EXPECT_TRUE(is_general(added_token(98, "\xEF\xBF\xBD"), "<end>"));
  Json strips = added_token(98, "<kept>");
  strips["rstrip"] = true;
  EXPECT_TRUE(is_general(strips, "<end>"));
}

}  // namespace
}  // namespace ciyuan::token
