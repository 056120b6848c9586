#include "measure/plain_counter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ciyuan::measure {
namespace {

std::int64_t count(Basis basis, std::string_view text) {
  PlainCounter counter(basis);
  counter.add(text);
  return counter.count();
}

TEST(PlainCounter, bytes_and_characters_and_calls) {
  EXPECT_EQ(count(Basis::kBytes, "a词元😀"), 11);
  EXPECT_EQ(count(Basis::kCharacters, "a词元😀"), 4);
  EXPECT_EQ(count(Basis::kCharacters, "e\u0301"), 2);
  EXPECT_EQ(count(Basis::kCalls, "any text"), 0);
  EXPECT_EQ(count(Basis::kWords, ""), 0);
}

TEST(PlainCounter, a_word_is_a_run_of_letters_and_digits_or_one_character_of_han_kana_or_hangul) {
  EXPECT_EQ(count(Basis::kWords, "The quick, brown fox!"), 4);
  EXPECT_EQ(count(Basis::kWords, "词元计量"), 4);
  EXPECT_EQ(count(Basis::kWords, "GPT4模型 v2"), 4);
  EXPECT_EQ(count(Basis::kWords, "こんにちは"), 5);
  EXPECT_EQ(count(Basis::kWords, "안녕"), 2);
  EXPECT_EQ(count(Basis::kWords, "naïve e\u0301tude"), 2);
  EXPECT_EQ(count(Basis::kWords, "don't"), 2);
  EXPECT_EQ(count(Basis::kWords, "😀 — …"), 0);
  EXPECT_EQ(count(Basis::kWords, "हिन्दी"), 1);
}

TEST(PlainCounter, a_stray_byte_is_one_character) {
  EXPECT_EQ(count(Basis::kCharacters, "\xFF\xFE"), 2);
  EXPECT_EQ(count(Basis::kCharacters, "\xE8\xAF"), 2);              // broken off at the end
  EXPECT_EQ(count(Basis::kCharacters, "\xE8\xAFz"), 3);             // broken off by a letter
  EXPECT_EQ(count(Basis::kCharacters, "\xE8\xAF\xE8\xAF\x8D"), 3);  // broken off by a whole character
}

std::int64_t units(const CharacterRule& rule, std::string_view text) {
  PlainCounter counter(Basis::kCharacters, rule);
  counter.add(text);
  return counter.count();
}

TEST(PlainCounter, a_character_is_what_a_reader_sees_as_one) {
  const CharacterRule clusters{.grapheme = true};
  EXPECT_EQ(units(clusters, "e\u0301"), 1);
  EXPECT_EQ(units(clusters, "👨‍👩‍👧‍👦"), 1);
  EXPECT_EQ(units(clusters, "🇨🇳🇫🇷"), 2);
  EXPECT_EQ(units(clusters, "\r\n"), 1);
  EXPECT_EQ(units(clusters, "한국어"), 3);
  EXPECT_EQ(units(clusters, "क्षि"), 1);
  EXPECT_EQ(units(clusters, "\xE8\xAF\xE8\xAF\x8D"), 3);  // stray bytes are replaced, each a character
}

TEST(PlainCounter, a_han_character_may_weigh_more) {
  const CharacterRule weighed{.grapheme = true, .han = 2, .other = 1};
  EXPECT_EQ(units(weighed, "词元a。 b"), 8);
  EXPECT_EQ(units(weighed, "葛󠄀"), 2);  // with a variation selector
  EXPECT_EQ(units(weighed, "かな한"), 3);
  EXPECT_EQ(units({.grapheme = false, .han = 3, .other = 0}, "词元abc"), 6);
}

void expect_same_at_a_split(Basis basis, const CharacterRule& rule, std::string_view text,
                            std::mt19937& random) {
  PlainCounter counter(basis, rule);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 4, text.size() - at);
    counter.add(text.substr(at, size));
    at += size;
    PlainCounter whole(basis, rule);
    whole.add(text.substr(0, at));
    ASSERT_EQ(counter.count(), whole.count());
  }
}

TEST(PlainCounter, any_split_of_the_bytes_counts_the_same) {
  const std::string samples[] = {"The 词元 quick 😀 brown", "e\u0301a\u0300 עברית 12ab",
                                 "\xE8\xAF\xFFq\xF0\x9F\x98 词", "  \n\t词 x",
                                 "👨‍👩‍👧🇨🇳🇫🇷क्षि\r\n葛󠄀한e\u0301"};
  const CharacterRule rules[] = {{}, {.grapheme = true}, {.grapheme = true, .han = 2, .other = 1}};
  std::mt19937 random(7);
  for (const std::string& text : samples) {
    for (Basis basis : {Basis::kBytes, Basis::kCharacters, Basis::kWords})
      for (const CharacterRule& rule : rules)
        for (int round = 0; round < 100; ++round) expect_same_at_a_split(basis, rule, text, random);
  }
}

}  // namespace
}  // namespace ciyuan::measure
