#include "token/c_api.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/token/random_text.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

class CApi : public testing::Test {
 protected:
  CApi() : vocabulary_(ciyuan_vocabulary_find("o200k", nullptr, 0)) {}
  ~CApi() override { ciyuan_vocabulary_free(vocabulary_); }
  ciyuan_vocabulary* const vocabulary_;
};

TEST_F(CApi, counts_encodes_and_decodes) {
  const std::string text = "Hello, 世界!";
  EXPECT_EQ(ciyuan_count(vocabulary_, text.data(), text.size()), 4);
  std::uint32_t ids[8] = {};
  std::size_t ends[8] = {};
  ASSERT_EQ(ciyuan_encode(vocabulary_, text.data(), text.size(), ids, ends, 8), 4u);
  EXPECT_EQ(std::vector<std::size_t>(ends, ends + 4), (std::vector<std::size_t>{5, 6, 13, 14}));
  char back[32] = {};
  ASSERT_EQ(ciyuan_decode(vocabulary_, ids, 4, back, sizeof back), static_cast<std::ptrdiff_t>(text.size()));
  EXPECT_EQ(std::string(back), text);
  EXPECT_EQ(ciyuan_count(vocabulary_, nullptr, 0), 0);
  EXPECT_EQ(ciyuan_count_with_specials(vocabulary_, "<|endoftext|>", 13), 1);
  EXPECT_EQ(ciyuan_count(vocabulary_, "<|endoftext|>", 13), 7);
}

TEST_F(CApi, writes_no_more_than_there_is_room_for) {
  std::uint32_t ids[2] = {7, 7};
  EXPECT_EQ(ciyuan_encode(vocabulary_, "a b c", 5, ids, nullptr, 1), 3u);
  EXPECT_EQ(ids[1], 7u);
  char text[2] = {'x', 'x'};
  EXPECT_EQ(ciyuan_decode(vocabulary_, ids, 1, text, 0), 1);
  EXPECT_EQ(text[0], 'x');
  const std::uint32_t unknown = 4'000'000'000u;
  EXPECT_EQ(ciyuan_decode(vocabulary_, &unknown, 1, text, 2), -1);
}

TEST_F(CApi, says_why_a_vocabulary_cannot_be_had) {
  char why[20];
  EXPECT_EQ(ciyuan_vocabulary_find("no such", why, sizeof why), nullptr);
  EXPECT_EQ(std::strlen(why), sizeof why - 1) << "cut, and ended";
  EXPECT_EQ(ciyuan_vocabulary_find("no such", nullptr, 0), nullptr);
}

TEST_F(CApi, knows_the_vocabulary_it_was_given_as_bytes) {
  const std::string path = VocabularySet::standard().folder() + "/vocabularies/o200k.ciyuan-vocab.zst";
  const std::string file = read_file(path, 1 << 24).value();
  ciyuan_vocabulary* given = ciyuan_vocabulary_parse(file.data(), file.size(), nullptr, 0);
  ASSERT_NE(given, nullptr);
  EXPECT_STREQ(ciyuan_vocabulary_name(given), "o200k");
  EXPECT_EQ(ciyuan_vocabulary_size(given), 200019u);
  Digest digest{};
  ciyuan_vocabulary_digest(given, digest.data());
  EXPECT_EQ(digest, VocabularySet::standard().find("o200k").value()->digest());
  EXPECT_EQ(ciyuan_count(given, "Hello, world", 12), ciyuan_count(vocabulary_, "Hello, world", 12));
  ciyuan_vocabulary_free(given);
  char why[100];
  EXPECT_EQ(ciyuan_vocabulary_parse(file.data(), file.size() - 1, why, sizeof why), nullptr);
  EXPECT_NE(std::string(why).find("zstd"), std::string::npos) << why;
  EXPECT_EQ(ciyuan_vocabulary_parse(nullptr, 0, why, sizeof why), nullptr);
}

TEST_F(CApi, encodes_special_tokens_when_told_so) {
  const std::string text = "a<|endoftext|>";
  std::uint32_t ids[8] = {};
  ASSERT_EQ(ciyuan_encode_with_specials(vocabulary_, text.data(), text.size(), ids, 8), 2u);
  EXPECT_EQ(ids[1], 199999u);
  ids[1] = 7;
  EXPECT_EQ(ciyuan_encode_with_specials(vocabulary_, text.data(), text.size(), ids, 1), 2u);
  EXPECT_EQ(ids[1], 7u);
}

TEST_F(CApi, counts_a_text_that_arrives_in_pieces) {
  ciyuan_counter* counter = ciyuan_counter_new(vocabulary_);
  ciyuan_counter_append(counter, "Hel", 3);
  ciyuan_counter_append(counter, "lo", 2);
  EXPECT_EQ(ciyuan_counter_count(counter), 1);
  EXPECT_EQ(ciyuan_counter_longest_prefix(counter, " world, again", 13, 2), 6u);
  ciyuan_counter_free(counter);
  EXPECT_EQ(ciyuan_longest_prefix(vocabulary_, "Hello world, again", 18, 2), 11u);
  EXPECT_EQ(ciyuan_longest_prefix(vocabulary_, "Hello", 5, 0), 0u);
}

TEST(EncodeWithEnds, the_parts_between_the_ends_are_the_tokens) {
  std::mt19937_64 random(5);
  for (const auto& listing : VocabularySet::standard().list().value()) {
    if (!listing.present) continue;
    const auto vocabulary = VocabularySet::standard().find(listing.name).value();
    for (int round = 0; round < 200; ++round) {
      const std::string text = random_text(random, 30);
      const std::vector<TokenId> ids = vocabulary->encode(text);
      const std::vector<Piece> pieces = vocabulary->encode_with_ends(text);
      ASSERT_EQ(pieces.size(), ids.size());
      std::size_t last = 0;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ASSERT_EQ(pieces[i].id, ids[i]);
        // The first may be the space that the vocabulary adds, of which the text has nothing.
        ASSERT_TRUE(pieces[i].end > last || i == 0);
        last = pieces[i].end;
      }
    }
  }
}

}  // namespace
}  // namespace ciyuan::token
