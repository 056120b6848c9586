/// Every way to cut short texts, against the count of the text so far; and the longest prefix against its
/// slow twin.

#include <gtest/gtest.h>

#include "tests/token/present_vocabularies.h"
#include "tests/token/random_text.h"
#include "token/incremental_counter.h"

namespace ciyuan::token {
namespace {

class EverySplit : public PresentVocabulary {
 protected:
  /// Counts of all prefixes, the empty one first.
  std::vector<Tokens> counts(std::string_view text) const {
    std::vector<Tokens> found;
    for (std::size_t size = 0; size <= text.size(); ++size)
      found.push_back(vocabulary->count(text.substr(0, size)));
    return found;
  }
};
INSTANTIATE_TEST_SUITE_P(Incremental, EverySplit, testing::ValuesIn(present_vocabularies()),
                         vocabulary_test_name);

/// A text of one byte to so many; one in four is cut in a character or holds a byte that is no text.
std::string short_text(std::mt19937_64& random, std::size_t bytes_max) {
  std::string text = random_text(random, 8);
  if (text.empty()) text = " ";
  if (random() % 8 == 0) text[random() % text.size()] = static_cast<char>(random());
  std::size_t size = std::min<std::size_t>(text.size(), 1 + random() % bytes_max);
  const auto continues = [&] { return size < text.size() && (text[size] & 0xC0) == 0x80; };
  if (random() % 8 != 0)
    while (size > 1 && continues()) --size;
  return text.substr(0, size);
}

TEST_P(EverySplit, two_parts_cut_at_any_byte_count_as_the_whole) {
  std::mt19937_64 random(31);
  for (int round = 0; round < 1500; ++round) {
    const std::string text = short_text(random, 60);
    const std::vector<Tokens> wanted = counts(text);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      IncrementalCounter looked(vocabulary), blind(vocabulary);
      looked.append(std::string_view(text).substr(0, cut));
      blind.append(std::string_view(text).substr(0, cut));
      ASSERT_EQ(looked.count(), wanted[cut]) << testing::PrintToString(text) << " cut at " << cut;
      looked.append(std::string_view(text).substr(cut));
      blind.append(std::string_view(text).substr(cut));
      ASSERT_EQ(looked.count(), wanted.back()) << testing::PrintToString(text) << " cut at " << cut;
      ASSERT_EQ(blind.count(), wanted.back()) << testing::PrintToString(text) << " cut at " << cut;
    }
  }
}

TEST_P(EverySplit, single_bytes_count_as_the_text_so_far) {
  std::mt19937_64 random(32);
  for (int round = 0; round < 1500; ++round) {
    const std::string text = short_text(random, 60);
    IncrementalCounter counter(vocabulary);
    for (std::size_t at = 0; at < text.size(); ++at) {
      counter.append(std::string_view(text).substr(at, 1));
      ASSERT_EQ(counter.count(), vocabulary->count(std::string_view(text).substr(0, at + 1)))
          << testing::PrintToString(text) << " after " << at + 1;
    }
  }
}

TEST_P(EverySplit, any_number_of_parts_counts_as_the_whole) {
  std::mt19937_64 random(33);
  for (int round = 0; round < 40; ++round) {
    const std::string text = short_text(random, 10);
    const std::vector<Tokens> wanted = counts(text);
    for (std::uint32_t cuts = 0; cuts < 1u << (text.size() - 1); ++cuts) {  // bit i: a cut after byte i
      IncrementalCounter counter(vocabulary);
      for (std::size_t from = 0, to = 1; to <= text.size(); ++to) {
        if (to < text.size() && (cuts >> (to - 1) & 1) == 0) continue;
        counter.append(std::string_view(text).substr(from, to - from));
        ASSERT_EQ(counter.count(), wanted[to])
            << testing::PrintToString(text) << " cuts " << cuts << " after " << to;
        from = to;
      }
    }
  }
}

/// The same by trying every end of a character; those past the first with kLookBeyond too many are not asked
/// for.
std::size_t slow_longest_prefix(const Vocabulary& vocabulary, const std::string& before,
                                const std::string& delta, Tokens limit) {
  std::size_t longest = 0;
  for (std::size_t size = 1; size <= delta.size(); ++size) {
    if (size < delta.size() && (delta[size] & 0xC0) == 0x80) continue;
    const Tokens count = vocabulary.count(before + delta.substr(0, size));
    if (count <= limit) longest = size;
    if (count > limit + Tokens{IncrementalCounter::kLookBeyond}) break;
  }
  return longest;
}

TEST_P(EverySplit, the_longest_prefix_is_the_slow_twins) {
  std::mt19937_64 random(34);
  for (int round = 0; round < 1500; ++round) {
    const std::string before = random_text(random, 4), delta = random_text(random, 12);
    IncrementalCounter counter(vocabulary);
    counter.append(before);
    for (std::int64_t more : {0, 1, 2, 5, 11}) {
      const Tokens limit = counter.count() + Tokens{more};
      ASSERT_EQ(counter.longest_prefix(delta, limit), slow_longest_prefix(*vocabulary, before, delta, limit))
          << testing::PrintToString(before) << " then " << testing::PrintToString(delta) << ", " << more
          << " more";
    }
  }
}

}  // namespace
}  // namespace ciyuan::token
