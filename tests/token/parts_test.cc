#include "token/parts.h"

#include <gtest/gtest.h>

#include <random>

#include "present_vocabularies.h"
#include "random_text.h"

namespace ciyuan::token {
namespace {

/// Lines of all kinds, with what comes before and after a line feed chosen to be on both sides of each rule.
std::string random_lines(std::mt19937_64& random) {
  static const std::vector<std::string> kEnds = {
      "a", "Z",    ".", "。",           "”", " ",        "\xC2\xA0", "\xE3\x80\x80", "7",
      "/", "\x01", "é", "\xE2\x80\xA8", "😀", "\xE3\x80", "'s",       "\r",           "e\xCC\x81"};
  static const std::vector<std::string> kFeeds = {"\n", "\n", "\n", "\n\n", "\r\n", "\n \n", " \n"};
  static const std::vector<std::string> kStarts = {"b",        "Q", "今", "々", " c", "1",  "\xCC\x81",
                                                   "\xE4\xBD", "é", ".",  "/",  "",   "'s", "ll"};
  const auto one_of = [&random](const std::vector<std::string>& all) { return all[random() % all.size()]; };
  std::string text;
  for (int lines = 1 + static_cast<int>(random() % 6); lines > 0; --lines) {
    if (random() % 2 == 0) text += random_text(random, 4);
    text += one_of(kEnds) + one_of(kFeeds) + one_of(kStarts);
  }
  return text + random_text(random, 4);
}

class PartsOf : public PresentVocabulary {};

TEST_P(PartsOf, parts_at_each_border_sum_up_to_the_whole) {
  ASSERT_TRUE(has_borders(*vocabulary));
  std::mt19937_64 random(7);
  std::size_t borders = 0;
  for (int round = 0; round < 6000; ++round) {
    const std::string text = random_lines(random);
    const Tokens whole = vocabulary->count(text);
    for (std::size_t at = 0; at <= text.size(); ++at) {
      if (!is_border(*vocabulary, text, at)) continue;
      ++borders;
      const Tokens first = count_part(*vocabulary, std::string_view(text).substr(0, at), true);
      const Tokens second = count_part(*vocabulary, std::string_view(text).substr(at), false);
      ASSERT_EQ(first + second, whole)
          << "seed 7, round " << round << ", cut before " << at << " of " << text;
      // What is further away makes no difference.
      const std::size_t from = random() % (at - kBorderReach + 1);
      const std::size_t to = at + kBorderReach + random() % (text.size() - at - kBorderReach + 1);
      ASSERT_TRUE(is_border(*vocabulary, std::string_view(text).substr(from, to - from), at - from));
    }
  }
  EXPECT_GT(borders, 2000u);
}

TEST_P(PartsOf, parts_between_many_borders_sum_up_to_the_whole) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    while (text.size() < 2000) text += random_lines(random);
    Tokens sum;
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= text.size(); ++at)
      if (at == text.size() || (is_border(*vocabulary, text, at) && random() % 2 == 0)) {
        sum += count_part(*vocabulary, std::string_view(text).substr(begin, at - begin), begin == 0);
        begin = at;
      }
    ASSERT_EQ(sum, vocabulary->count(text)) << "seed 11, round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(all, PartsOf, testing::ValuesIn(present_vocabularies()), vocabulary_test_name);

TEST(parts, there_is_no_border_where_a_pretoken_could_lie_across) {
  const auto vocabulary = VocabularySet::standard().find("p50k").value();
  EXPECT_TRUE(is_border(*vocabulary, "word\nnext", 4));
  EXPECT_TRUE(is_border(*vocabulary, "word\nnext", 5));
  EXPECT_TRUE(is_border(*vocabulary, "word.\nnext", 6));
  EXPECT_FALSE(is_border(*vocabulary, "word.\nnext", 5)) << "a full stop may take the line feed";
  EXPECT_FALSE(is_border(*vocabulary, "word\n\nnext", 6)) << "line feeds are cut by what follows them";
  EXPECT_FALSE(is_border(*vocabulary, "word \nnext", 6));
  EXPECT_FALSE(is_border(*vocabulary, "word\n next", 5));
  EXPECT_FALSE(is_border(*vocabulary, "a\nnext", 1)) << "too near to the beginning";
}

}  // namespace
}  // namespace ciyuan::token
