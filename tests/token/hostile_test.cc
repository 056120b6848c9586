/// Texts and vocabularies that were made to cost more than they are long. Each is compared with a plain text
/// of the same size, in processor time: what is quadratic is thousands of times slower, not dozens.

#include <gtest/gtest.h>

#include <ctime>

#include "tests/token/small_tokenizers.h"
#include "token/incremental_counter.h"
#include "token/internal/engine.h"

namespace ciyuan::token {
namespace {

constexpr std::size_t kBytes = 1 << 18;
constexpr double kSlowerMax = 60;

template <class Work>
double seconds_of(Work work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// No quicker than can be measured well.
template <class Plain, class Hostile>
void expect_like(Plain plain, Hostile hostile) {
  const double usual = std::max(seconds_of(plain), 0.02);
  EXPECT_LT(seconds_of(hostile), usual * kSlowerMax);
}

std::string repeated(std::string_view unit, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

std::shared_ptr<const Vocabulary> general(Json added, Json model = nullptr, Json pre_tokenizer = nullptr) {
  if (model.is_null())
    model = {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}, {"a", 1}, {" ", 2}, {"\n", 3}}}};
  const Json tree = {{"model", model}, {"pre_tokenizer", pre_tokenizer}, {"added_tokens", std::move(added)}};
  const auto made = imported(tree.dump());
  EXPECT_TRUE(made.ok()) << made.error().text();
  EXPECT_TRUE((*made)->engine().chain != nullptr);
  return *made;
}

Json stripping(TokenId id, const char* content, const char* side) {
  Json token = added_token(id, content);
  token[side] = true;
  return token;
}

TEST(Hostile, tokens_that_take_the_white_space_around_them_in_one_long_run_of_it) {
  const std::string spaces = repeated(" \n", kBytes), letters = repeated("a ", kBytes);
  for (const char* side : {"lstrip", "rstrip"}) {
    const auto vocabulary = general({stripping(2, " ", side)});
    expect_like([&] { (void)vocabulary->count(letters); }, [&] { (void)vocabulary->count(spaces); });
    const auto grow = [&](const std::string& text) {
      IncrementalCounter counter(vocabulary);
      for (std::size_t at = 0; at < text.size(); at += 4096)
        counter.append(std::string_view(text).substr(at, 4096));
      return counter.count();
    };
    expect_like([&] { grow(letters); }, [&] { EXPECT_EQ(grow(spaces), vocabulary->count(spaces)); });
  }
}

TEST(Hostile, many_added_tokens_at_the_end_of_the_list) {
  const auto file_of = [](int count) {
    Json vocabulary = {{"a", 0}, {"b", 1}, {"ab", 2}};
    Json added = Json::array();
    for (int i = 0; i < count; ++i) {
      const std::string content = "<unused" + std::to_string(i) + ">";
      vocabulary[content] = 3 + i;
      added.push_back(added_token(static_cast<TokenId>(3 + i), content));
    }
    const Json tree = {
        {"model", {{"type", "BPE"}, {"byte_fallback", true}, {"vocab", vocabulary}, {"merges", {"a b"}}}},
        {"added_tokens", added}};
    return tree.dump();
  };
  const std::string few = file_of(2000), many = file_of(40'000);
  // Twenty times as many: so much the longer, and no more than that by a factor of three.
  const double once = std::max(seconds_of([&] { (void)imported(few); }), 0.005);
  EXPECT_LT(seconds_of([&] { (void)imported(many); }), once * 20 * 3);
}

TEST(Hostile, added_tokens_of_every_length_that_begin_alike) {
  Json tree = small_tree();
  std::string content = "<";
  for (TokenId i = 0; i < 250; ++i) {
    content += "<";
    tree["added_tokens"].push_back(added_token(98 + i, content + ">"));
  }
  const auto vocabulary = imported(tree.dump()).value();
  const std::string hostile = repeated("<", kBytes), plain = repeated("abc ", kBytes);
  expect_like([&] { (void)vocabulary->count_with_specials(plain); },
              [&] { (void)vocabulary->count_with_specials(hostile); });
}

Json suffix_bpe() {
  return {{"type", "BPE"},
          {"unk_token", "?"},
          {"end_of_word_suffix", "</w>"},
          {"vocab", {{"?", 0}, {"a", 1}, {"b", 2}, {"a</w>", 3}, {"b</w>", 4}, {"ab", 5}, {"ab</w>", 6}}},
          {"merges", {"a b", "a b</w>"}}};
}

TEST(Hostile, the_longest_prefix_of_a_text_that_its_chain_keeps) {
  const auto vocabulary = general(Json::array(), suffix_bpe());
  const std::string text = repeated("ba", 1 << 16);
  const Tokens limit{static_cast<std::int64_t>(text.size() / 2)};
  std::size_t size = 0;
  expect_like([&] { (void)vocabulary->count(text); },
              [&] { size = IncrementalCounter(vocabulary).longest_prefix(text, limit); });
  EXPECT_LE(vocabulary->count(text.substr(0, size)), limit);
  EXPECT_GT(vocabulary->count(text.substr(0, size + 1)), limit);
}

TEST(Hostile, the_bound_of_a_general_tokenizer_comes_down_when_the_text_turns_out_to_be_few_tokens) {
  const Json model = {{"type", "WordPiece"},
                      {"unk_token", "?"},
                      {"max_input_chars_per_word", 100},
                      {"continuing_subword_prefix", "##"},
                      {"vocab", {{"?", 0}, {"a", 1}, {"##a", 2}}}};
  const auto vocabulary = general(Json::array(), model, {{"type", "WhitespaceSplit"}});
  IncrementalCounter counter(vocabulary);
  for (int word = 0; word < 20; ++word) {
    counter.append(std::string(400, 'a'));
    ASSERT_GE(counter.upper_bound(), counter.count());
    counter.append(" a ");
    counter.append(repeated("a ", 1200));  // more than is kept
    ASSERT_GE(counter.upper_bound(), counter.count());
    EXPECT_LE(counter.upper_bound().value,
              counter.count().value + static_cast<std::int64_t>(2 * vocabulary->tokens_per_byte_max() * 512));
  }
  // 400 letters were one unknown token each: a bound that remembered them would be near 8,000 above.
  EXPECT_LT((counter.upper_bound() - counter.count()).value, 2000);
}

TEST(Hostile, no_byte_makes_more_tokens_than_is_said) {
  const auto vocabulary = general(Json::array());
  EXPECT_GE(vocabulary->tokens_per_byte_max(), 1u);
  for (const char* text : {"\xFF", "\xE2\x84", "\xEF\xB7\xBA", "a", "\xF0"})
    EXPECT_LE(static_cast<std::uint64_t>(vocabulary->count(text).value),
              vocabulary->tokens_per_byte_max() * std::string_view(text).size());
}

}  // namespace
}  // namespace ciyuan::token
