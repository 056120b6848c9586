#include <gtest/gtest.h>

#include "tests/token/present_vocabularies.h"
#include "tests/token/random_text.h"
#include "token/incremental_counter.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

class EveryVocabulary : public PresentVocabulary {};
INSTANTIATE_TEST_SUITE_P(Incremental, EveryVocabulary, testing::ValuesIn(present_vocabularies()),
                         vocabulary_test_name);

TEST_P(EveryVocabulary, counts_any_split_of_the_bytes_as_the_whole) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 1500; ++round) {
    std::string text = random_text(random, 30);
    if (round % 5 == 0)  // bytes that are no text at all
      for (int i = 0; i < 3; ++i) text.insert(random() % (text.size() + 1), 1, static_cast<char>(random()));
    IncrementalCounter counter(vocabulary);
    for (std::size_t at = 0; at < text.size();) {
      std::size_t size = std::min<std::size_t>(text.size() - at, 1 + random() % (round % 3 == 0 ? 3 : 12));
      counter.append(std::string_view(text).substr(at, size));
      at += size;
      if (random() % 3 == 0 || at == text.size()) {
        ASSERT_EQ(counter.count(), vocabulary->count(std::string_view(text).substr(0, at)))
            << testing::PrintToString(text.substr(0, at));
        ASSERT_GE(counter.upper_bound(), counter.count());
        ASSERT_LE(counter.settled(), counter.count());
      }
    }
  }
}

TEST_P(EveryVocabulary, the_longest_prefix_fits_and_one_character_more_does_not) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 300; ++round) {
    std::string before = random_text(random, 10), delta = random_text(random, 30);
    IncrementalCounter counter(vocabulary);
    counter.append(before);
    Tokens limit = counter.count() + Tokens{static_cast<std::int64_t>(random() % 20)};
    std::size_t size = counter.longest_prefix(delta, limit);
    ASSERT_LE(vocabulary->count(before + delta.substr(0, size)), limit);
    ASSERT_TRUE(size == delta.size() || (static_cast<unsigned char>(delta[size]) & 0xC0) != 0x80);
    if (size < delta.size()) {
      std::size_t next = size + 1;
      while (next < delta.size() && (static_cast<unsigned char>(delta[next]) & 0xC0) == 0x80) ++next;
      EXPECT_GT(vocabulary->count(before + delta.substr(0, next)), limit);
    }
  }
}

TEST_P(EveryVocabulary, a_long_run_byte_by_byte_stays_linear) {
  // 100,000 counts of a growing pretoken: quadratic work would take hours, so that this ends is the
  // assertion.
  for (std::string unit : {"a", "好", " ", "\xCC\x81"}) {
    IncrementalCounter counter(vocabulary);
    std::string text;
    for (int i = 0; i < 30'000; ++i) {
      counter.append(unit);
      text += unit;
      if (i % 3 == 0) counter.count();
    }
    EXPECT_EQ(counter.count(), vocabulary->count(text));
  }
}

TEST_P(EveryVocabulary, counts_a_long_run_cut_inside_its_characters) {
  for (std::string unit : {"好", "é", "e\xCC\x81\xCC\xA3", "\xCC\x81\xE3\x82\x9A", "\xF0\x9F\x98\x80"}) {
    IncrementalCounter counter(vocabulary);
    std::string text = "a";
    counter.append(text);
    for (std::size_t i = 0; i < 600; ++i) {
      const char byte = unit[i % unit.size()];
      counter.append(std::string_view(&byte, 1));
      text += byte;
      if (i % 3 == 1) continue;
      ASSERT_EQ(counter.count(), vocabulary->count(text)) << unit << " after " << text.size();
    }
  }
}

// As src/token/README.md has it.
Result<std::size_t> example(std::string_view delta, Tokens limit) {
  CIYUAN_TRY(auto vocabulary, VocabularySet::standard().find("qwen3"));
  Tokens prompt = vocabulary->count_with_specials("<|im_start|>user\nHi<|im_end|>\n");
  EXPECT_EQ(prompt, Tokens{6});

  IncrementalCounter counter(vocabulary);
  std::size_t deliver = counter.longest_prefix(delta, limit);  // the count stays at or below the limit
  counter.append(delta.substr(0, deliver));
  EXPECT_EQ(counter.count(), limit);
  return deliver;
}

TEST(IncrementalCounter, the_example_of_the_readme_works) {
  EXPECT_EQ(example("Hello world and all", Tokens{3}).value(), std::string("Hello world and").size());
}

TEST_P(EveryVocabulary, a_copy_is_a_trial_that_leaves_the_counter_alone) {
  IncrementalCounter counter(vocabulary);
  counter.append("The quick brown fo");
  Tokens before = counter.count();
  IncrementalCounter trial = counter;
  trial.append("x jumps over the lazy dog");
  EXPECT_EQ(trial.count(), vocabulary->count("The quick brown fox jumps over the lazy dog"));
  EXPECT_EQ(counter.count(), before);
}

TEST_P(EveryVocabulary, counts_a_character_that_comes_in_bytes_after_a_long_run) {
  // Counting in between puts U+FFFD where the rest of the character will be.
  for (std::string run : {"=", "-", "_", "a"}) {
    std::string text;
    for (int i = 0; i < 150; ++i) text += run;
    IncrementalCounter counter(vocabulary);
    counter.append(text);
    for (char byte : std::string("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x91\xAC\xA7\xE5\xA5\xBD")) {
      counter.append(std::string(1, byte));
      text += byte;
      ASSERT_EQ(counter.count(), vocabulary->count(text)) << testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace ciyuan::token
