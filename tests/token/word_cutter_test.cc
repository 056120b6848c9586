/// SentencePiece's families: texts cut where no token crosses, against joining over the whole text.

#include "token/internal/word_cutter.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/token/random_text.h"
#include "tests/token/slow_twin.h"
#include "token/importer.h"
#include "token/incremental_counter.h"
#include "token/internal/engine.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

using internal::WordCutter;

std::vector<std::string> parts_of(const WordCutter& cutter, std::string_view text) {
  std::vector<std::string> parts;
  cutter.cut(text, [&](std::string_view part) { parts.emplace_back(part); });
  return parts;
}

class Cutting : public testing::Test {
 protected:
  Cutting() {
    for (const char* token : {"the", " the", " ", "  ", "a", "b", "ab", "></", ">b", "1"})
      cutter_.add_token(token);
    cutter_.add_literal("\n\n", 100);
    cutter_.add_literal("\n\n\n", 101);
    cutter_.add_literal("<b>", 102);
    cutter_.prepare(borders_);
  }
  internal::Borders borders_;
  WordCutter cutter_;
};

TEST_F(Cutting, cuts_where_no_token_goes_on) {
  EXPECT_EQ(parts_of(cutter_, "the the  ab1"), (std::vector<std::string>{"the", " the", "  ", "ab", "1"}));
  EXPECT_EQ(parts_of(cutter_, "a></b>b"), (std::vector<std::string>{"a", "></", "b", ">b"}));
}

TEST_F(Cutting, takes_the_leftmost_literal_and_of_these_the_longest) {
  EXPECT_EQ(parts_of(cutter_, "a\n\n\n\n\nb<b>"),
            (std::vector<std::string>{"a", "\n\n\n", "\n\n", "b", "<b>"}));
  EXPECT_EQ(parts_of(cutter_, "<<b>"), (std::vector<std::string>{"<", "<b>"}));
  EXPECT_EQ(cutter_.literal("\n\n"), 100u);
  EXPECT_EQ(cutter_.literal("\n"), internal::kNoToken);
}

TEST_F(Cutting, waits_for_what_a_literal_may_still_become) {
  EXPECT_TRUE(cutter_.first("\n\n", nullptr).hit_end);
  EXPECT_FALSE(cutter_.first("\n\n\n", nullptr).hit_end);
  EXPECT_TRUE(cutter_.first("<b", nullptr).hit_end);
  EXPECT_FALSE(cutter_.first("<c", nullptr).hit_end);
}

TEST_F(Cutting, a_match_that_did_not_look_at_the_end_stays_whatever_follows) {
  const std::vector<std::string> kUnits = {
      "the", " ", "a", "b", "\n", "<b>", "<", ">", "/", "\xE2\x96\x81", "\xE4\xB8\xAD"};
  std::mt19937_64 random(31);
  for (int round = 0; round < 20000; ++round) {
    std::string text, more;
    for (std::size_t n = 1 + random() % 6; n > 0; --n) text += kUnits[random() % kUnits.size()];
    for (std::size_t n = random() % 4; n > 0; --n) more += kUnits[random() % kUnits.size()];
    internal::RunMemo memo;
    const internal::Match match = cutter_.first(text, &memo);
    const internal::Match later = cutter_.first(text + more, nullptr);
    const internal::Match resumed = cutter_.first(text + more, &memo);
    ASSERT_TRUE(match.hit_end || match.length == later.length) << testing::PrintToString(text + more);
    ASSERT_EQ(resumed.length, later.length) << testing::PrintToString(text + more);
    ASSERT_EQ(resumed.hit_end, later.hit_end) << testing::PrintToString(text + more);
  }
}

TEST(SentencePiece, encodes_as_if_the_text_were_never_cut) {
  for (const char* name : {"mistral_v1", "mistral_v3"}) {
    const std::string path =
        std::string(CIYUAN_SOURCE_DIR) + "/data/vocabularies/" + name + ".ciyuan-vocab.zst";
    const std::string unpacked = unpack_vocabulary(read_file(path, kVocabularyBytesMax).value()).value();
    const SlowBpe slow(parse_vocabulary_file(unpacked).value().bpe);
    const auto vocabulary = VocabularySet::standard().find(name).value();
    std::mt19937_64 random(32);
    for (int round = 0; round < 1500; ++round) {
      const std::string text = random_text(random, round % 10 == 0 ? 60 : 8);
      if (text.empty()) continue;
      std::string buffer;
      const auto expected = slow.encode(" " + std::string(vocabulary->engine().prepare(text, buffer)));
      ASSERT_EQ(vocabulary->encode(text), expected) << name << ": " << testing::PrintToString(text);
      ASSERT_EQ(vocabulary->count(text).value, static_cast<std::int64_t>(expected.size()));
    }
  }
}

TEST(SentencePiece, puts_a_space_in_front_and_takes_it_away_again) {
  const auto vocabulary = VocabularySet::standard().find("mistral_v1").value();
  EXPECT_EQ(vocabulary->count(""), Tokens{0});
  EXPECT_EQ(vocabulary->encode("Hello"), std::vector<TokenId>{22557});
  EXPECT_EQ(vocabulary->encode("\xE2\x96\x81Hello"), (std::vector<TokenId>{28705, 22557}));
  for (const std::string text : {"Hello world", " a", "\n", "\xE4\xBA\xBA\xF0\x9F\x98\x80", "  "})
    EXPECT_EQ(vocabulary->decode(vocabulary->encode(text)).value(), text);
  const auto pieces = vocabulary->encode_with_ends("Hello world");
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].end, 5u);
  EXPECT_EQ(pieces[1].end, 11u);
}

// As SentencePiece gives for this model: a character that is no token is a token for each of its bytes.
TEST(SentencePiece, falls_back_to_bytes) {
  const auto vocabulary = VocabularySet::standard().find("mistral_v1").value();
  const auto ids = vocabulary->encode("\xF0\x9F\xA7\xAA");
  EXPECT_EQ(ids, (std::vector<TokenId>{28705, 243, 162, 170, 173}));
  IncrementalCounter counter(vocabulary);
  counter.append("\xF0\x9F");
  EXPECT_EQ(counter.count(), vocabulary->count("\xF0\x9F"));
  counter.append("\xA7\xAA");
  EXPECT_EQ(counter.count(), Tokens{5});
}

TEST(SentencePiece, refuses_a_model_that_is_cut_short_or_no_model) {
  const auto refusal = [](std::string_view bytes) {
    const auto result = import_vocabulary(bytes, {.name = "mine", .pretokenizer = "", .specials = {}});
    return result.ok() ? "" : result.error().text();
  };
  EXPECT_EQ(refusal(std::string("\n\x0E\n\x05<unk>\x15\0\0\0\0\x18", 15)),
            "file: not a SentencePiece model, or cut short");
  EXPECT_EQ(refusal(std::string("\n\x0E\n\x05<unk>\x15\0\0\0\0\x18\x02\x12\x02\x18\x03", 20)),
            "trainer_spec.model_type: 3 is not supported (only 1, unigram, and 2, BPE, are)");
}

}  // namespace
}  // namespace ciyuan::token
