/// Every tier of the block counter against the matchers and joins, which know nothing of blocks, tables and
/// borders.

#include <gtest/gtest.h>

#include "tests/token/present_vocabularies.h"
#include "tests/token/random_text.h"
#include "token/internal/engine.h"

namespace ciyuan::token {
namespace {

using internal::Tier;

class Blocks : public PresentVocabulary {
 protected:
  Blocks() {
    for (Tier tier : {Tier::kAvx2, Tier::kAvx512})
      if (internal::has_tier(tier))
        if (auto count = internal::block_counter(tier, vocabulary->engine().pretokenizer))
          tiers_.push_back(count);
  }
  /// Empty if all tiers agree with the encoding; else what is different, of the shortest such text near it.
  std::string difference(std::string text) const {
    if (!differs(text)) return "";
    // Without parts of it, as long as it still differs.
    const auto cuts_character = [&](std::size_t at) { return at < text.size() && (text[at] & 0xC0) == 0x80; };
    for (bool shorter = true; shorter;) {
      shorter = false;
      for (std::size_t size = text.size() / 2; size > 0 && !shorter; --size)
        for (std::size_t at = 0; at + size <= text.size() && !shorter; ++at) {
          if (cuts_character(at) || cuts_character(at + size)) continue;
          if (std::string less = text.substr(0, at) + text.substr(at + size); differs(less))
            text = std::move(less), shorter = true;
        }
    }
    return testing::PrintToString(text) + " is " + std::to_string(joined(text)) + " tokens, counted " +
           std::to_string(count(tiers_.front(), text)) + " and " + std::to_string(count(tiers_.back(), text));
  }
  bool has_tiers() const { return !tiers_.empty(); }

 private:
  std::string prepare(const std::string& text) const {
    std::string buffer;
    const std::string_view bare = vocabulary->engine().prepare(text, buffer);
    return (vocabulary->engine().has_prefix(bare) ? " " : "") + std::string(bare);
  }
  /// Pretoken by pretoken, and each joined as a whole.
  std::size_t joined(const std::string& text) const {
    const internal::Engine& engine = vocabulary->engine();
    const std::string prepared = prepare(text);
    std::size_t tokens = 0;
    for (std::string_view rest = prepared; !rest.empty();) {
      const internal::Match match = engine.next_pretoken(rest, nullptr);
      std::string piece(rest.substr(0, match.length));
      if (engine.words) internal::fold_space_signs(piece);
      tokens += match.step == internal::Match::kLiteral ? 1 : engine.bpe.count(piece);
      rest.remove_prefix(match.length);
    }
    return tokens;
  }
  std::uint64_t count(internal::CountText tier, const std::string& text) const {
    const std::string prepared = prepare(text);
    return tier(vocabulary->engine(), prepared.data(), prepared.data() + prepared.size());
  }
  bool differs(const std::string& text) const {
    const std::size_t tokens = joined(text);
    return std::any_of(tiers_.begin(), tiers_.end(), [&](auto tier) { return count(tier, text) != tokens; });
  }
  std::vector<internal::CountText> tiers_;
};
INSTANTIATE_TEST_SUITE_P(Token, Blocks, testing::ValuesIn(present_vocabularies()), vocabulary_test_name);

TEST_P(Blocks, count_random_texts_as_the_matchers_do) {
  if (!has_tiers()) GTEST_SKIP() << "no block rules for this family, or no AVX2 here";
  std::mt19937_64 random(71);
  for (int round = 0; round < 4000; ++round) {
    const std::string broken = difference(random_text(random, 1 + random() % 200));
    ASSERT_EQ(broken, "");
  }
}

// Few characters, so that the rules meet in every order and at every place of a block.
TEST_P(Blocks, count_dense_texts_as_the_matchers_do) {
  if (!has_tiers()) GTEST_SKIP() << "no block rules for this family, or no AVX2 here";
  const std::vector<std::string> kAlphabets[] = {
      {" ", "\n", "a", "B", "1", "!", "'", "s"},
      {" ", " ", "\t", "\n", "\r", "x", "/", ".", "\xC2\xA0", "\xE3\x80\x80"},
      {"'", "s", "S", "ll", "vE", "re", "d", " ", "!", "\xC5\xBF", "M", "\n"},
      {"1", "2", "3", " ", "a", "\xD9\xA3", "\xC2\xBD", "."},
      {"\xE4\xB8\xAD", "\xE5\x9B\xBD", "\xE7\x9A\x84", "\xEF\xBC\x8C", "\xE3\x80\x82", "a", "B", " ", "1",
       "\xE3\x81\xAE", "\xE3\x83\xBB", "\xE9\xBE\xA5", "\xE9\xBE\xA6"},
      {"a", "B", "\xC3\xA9", "\xC3\x89", "\xCC\x81", "'", "\xE4\xB8\xAD", "\xC7\x85", "\xCA\xB0", " ", "!"},
      {"\xF0\x9F\x98\x80", "\xE2\x80\x8D", "\xEF\xB8\x8F", "\xF0\x9F\x87\xA8", " ", "a", "\xED\x95\x9C",
       "\xEA\xB8\x80"},
      {" ", "  ", "\n", "\t", "<", "<table>", "</", ">", "\xE2\x96\x81", "a", "B", "1", "[INST]",
       "\xE4\xB8\xAD"},
      {"\x01", "\x7F", "\x1C", "\xC2\x85", "\x0B", "a", " ", "!", "\xE2\x80\xA8", "\xEF\xBF\xBD",
       "\xEE\x80\x80"},
  };
  std::mt19937_64 random(72);
  for (const auto& alphabet : kAlphabets)
    for (int round = 0; round < 4000; ++round) {
      std::string text;
      // Runs now and then, up to beyond a block.
      for (std::size_t n = 1 + random() % 120; n > 0; --n) {
        const std::string& one = alphabet[random() % alphabet.size()];
        for (std::size_t times = random() % 40 == 0 ? random() % 90 : 1; times > 0; --times) text += one;
      }
      ASSERT_EQ(difference(text), "");
    }
}

}  // namespace
}  // namespace ciyuan::token
