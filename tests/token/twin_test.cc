/// The fast parts against their slow twins.

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "base/file.h"
#include "tests/token/random_text.h"
#include "tests/token/slow_twin.h"
#include "token/internal/nfc.h"
#include "token/internal/unicode.h"
#include "token/vocabulary.h"
#include "token/vocabulary_file.h"

namespace ciyuan::token {
namespace {

using internal::Pretokenizer;

constexpr Pretokenizer kFamilies[] = {
    Pretokenizer::kO200k,      Pretokenizer::kCl100k,  Pretokenizer::kQwen2, Pretokenizer::kLlama3,
    Pretokenizer::kDeepseekV3, Pretokenizer::kSmollm2, Pretokenizer::kGpt2,  Pretokenizer::kQwen35,
    Pretokenizer::kTekken,     Pretokenizer::kKimiK2};

/// PCRE2's Unicode version is not the references': characters that it classes otherwise are left out.
class SharedCharacters {
 public:
  SharedCharacters() {
    const SlowExpression letter(R"(\p{L})"), mark(R"(\p{M})"), number(R"(\p{N})"), punct(R"([\p{P}\p{S}])"),
        space(R"(\s)"), han(R"(\p{Han})");
    const std::pair<const SlowExpression*, std::uint8_t> each_class[] = {
        {&letter, internal::kLetter}, {&mark, internal::kMark},   {&number, internal::kNumber},
        {&punct, internal::kPunct},   {&space, internal::kSpace}, {&number, internal::kDigit}};
    for (std::uint32_t c = 0; c < 0x110000; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      std::string text;
      append_utf8(text, c);
      bool same = true;
      for (const auto& [expression, bit] : each_class)
        same = same && expression->matches_all(text) == ((internal::classes()[c] & bit) != 0);
      shared_[c] = same && han.matches_all(text) == ((internal::kimi_classes()[c] & internal::kHan) != 0);
    }
  }
  /// Without the characters that are not shared.
  std::string keep(const std::string& text) const {
    std::string kept;
    for (std::size_t at = 0; at < text.size();) {
      std::uint32_t c = 0;
      const unsigned length = internal::decode(text.data() + at, c);
      if (shared_[c]) kept.append(text, at, length);
      at += length;
    }
    return kept;
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::count(shared_.begin(), shared_.end(), true));
  }

 private:
  std::vector<bool> shared_ = std::vector<bool>(0x110000);
};

TEST(Pretokenizer, cuts_as_the_regular_expressions_do) {
  const SharedCharacters shared;
  ASSERT_GT(shared.count(), 1'100'000u);  // of 1,112,064
  for (const Pretokenizer family : kFamilies) {
    const SlowPretokenizer slow(family);
    std::mt19937_64 random(21);
    for (int round = 0; round < 4000; ++round) {
      const std::string text = shared.keep(random_text(random, 25));
      std::vector<std::string> fast;
      for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = internal::next_pretoken(family, rest, nullptr).length;
        ASSERT_GT(length, 0u);
        fast.emplace_back(rest.substr(0, length));
        rest.remove_prefix(length);
      }
      ASSERT_EQ(fast, slow.cut(text))
          << testing::PrintToString(text) << " family " << static_cast<int>(family);
    }
  }
}

TEST(Pretokenizer, a_match_that_did_not_look_at_the_end_stays_whatever_follows) {
  for (const Pretokenizer family : kFamilies) {
    std::mt19937_64 random(22);
    int final_matches = 0;
    for (int round = 0; round < 20000; ++round) {
      const std::string text = random_text(random, 6), more = text + random_text(random, 3);
      if (text.empty()) continue;
      internal::RunMemo memo;
      const internal::Match match = internal::next_pretoken(family, text, &memo);
      const internal::Match later = internal::next_pretoken(family, more, nullptr);
      const internal::Match resumed = internal::next_pretoken(family, more, &memo);
      if (!match.hit_end) {
        ++final_matches;
        ASSERT_EQ(match.length, later.length) << testing::PrintToString(more);
      }
      ASSERT_EQ(resumed.length, later.length) << testing::PrintToString(more);
      ASSERT_EQ(resumed.hit_end, later.hit_end) << testing::PrintToString(more);
    }
    EXPECT_GT(final_matches, 5000);
  }
}

TEST(Bpe, joins_as_the_slow_twin_does) {
  for (const char* name : {"o200k", "qwen3", "deepseek_v3", "smollm2"}) {
    const std::string path =
        std::string(CIYUAN_SOURCE_DIR) + "/data/vocabularies/" + name + ".ciyuan-vocab.zst";
    const std::string unpacked = unpack_vocabulary(read_file(path, kVocabularyBytesMax).value()).value();
    VocabularyFile file = parse_vocabulary_file(unpacked).value();
    const SlowBpe slow(file.bpe);
    internal::Bpe fast;
    ASSERT_TRUE(fast.build(std::move(file.bpe)));
    std::mt19937_64 random(23);
    for (int round = 0; round < 1500; ++round) {
      std::string piece = random_text(random, round % 10 == 0 ? 60 : 4);
      if (piece.empty()) continue;
      std::vector<TokenId> ids;
      fast.encode(piece, ids);
      ASSERT_EQ(ids, slow.encode(piece)) << name << ": " << testing::PrintToString(piece);
      ASSERT_EQ(fast.count(piece), ids.size());
      internal::GrowingPiece growing;
      growing.count(fast, std::string_view(piece).substr(0, 1 + piece.size() / 2));
      ASSERT_EQ(growing.count(fast, piece), ids.size()) << name << ": " << testing::PrintToString(piece);
    }
  }
}

TEST(Nfc, normalises_as_utf8proc_does) {
  // Only characters of the references' older Unicode version that NFC concerns, and some that it does not.
  std::vector<std::uint32_t> characters{'a',    'A',    'o',    ' ',    0x4E2D, 0xAC00,
                                        0xAC01, 0x1100, 0x1161, 0x11A8, 0x3000};
  for (std::uint32_t c = 0xA0; c < 0x30000; ++c)
    if (internal::nfc_touches(c)) characters.push_back(c);
  ASSERT_GT(characters.size(), 1500u);
  std::mt19937_64 random(24);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n)
      append_utf8(text,
                  random() % 3 == 0 ? characters[random() % 11] : characters[random() % characters.size()]);
    std::string ours;
    internal::append_nfc(text, ours);
    auto* theirs = reinterpret_cast<char*>(utf8proc_NFC(reinterpret_cast<const std::uint8_t*>(text.c_str())));
    const std::string expected(theirs);
    std::free(theirs);
    ASSERT_EQ(ours, expected) << testing::PrintToString(text);
  }
}

TEST(Nfc, an_untouched_prefix_stays_and_a_segment_stands_alone) {
  std::mt19937_64 random(25);
  for (int round = 0; round < 5000; ++round) {
    const std::string text = random_text(random, 8), more = random_text(random, 4);
    std::string whole, head;
    internal::append_nfc(text, whole);
    const std::size_t untouched = internal::nfc_untouched_prefix(text);
    if (untouched == text.size()) {
      EXPECT_EQ(whole, text);
    }
    const std::size_t segment = internal::nfc_last_segment(text);
    internal::append_nfc(std::string_view(text).substr(0, segment), head);
    whole.clear();
    internal::append_nfc(text + more, whole);
    internal::append_nfc(text.substr(segment) + more, head);
    ASSERT_EQ(head, whole) << testing::PrintToString(text + more);
  }
}

}  // namespace
}  // namespace ciyuan::token
