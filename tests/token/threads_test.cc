/// One vocabulary, and its tables of pieces counted before, under a hundred threads.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "tests/token/present_vocabularies.h"
#include "tests/token/random_text.h"
#include "token/internal/engine.h"

namespace ciyuan::token {
namespace {

using internal::LongPieceTable;
using internal::PieceTable;

/// Runs task(thread) in so many threads, which begin together.
void at_once(int threads, const std::function<void(int)>& task) {
  std::atomic<bool> go{false};
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i)
    running.emplace_back([&, i] {
      while (!go.load()) std::this_thread::yield();
      task(i);
    });
  go = true;
  for (std::thread& thread : running) thread.join();
}

struct Known {
  std::string piece;
  std::uint32_t count;
};

/// Pieces of one length that differ in their first and last characters only: an entry with one half of one
/// and one half of another would be found, and be wrong.
std::vector<Known> alike_pieces(std::size_t size, std::size_t letters) {
  std::vector<Known> pieces;
  for (std::size_t first = 0; first < letters; ++first)
    for (std::size_t last = 0; last < letters; ++last) {
      std::string piece(size, '.');
      piece.front() = static_cast<char>('!' + first);
      piece.back() = static_cast<char>('!' + last);
      pieces.push_back({piece, 1 + static_cast<std::uint32_t>(pieces.size()) % 15});
    }
  return pieces;
}

/// Pieces that all want the same two entries of the table.
std::vector<Known> rivals(std::size_t count) {
  LongPieceTable table;
  std::vector<Known> pieces;
  for (std::size_t i = 0; pieces.size() < count; ++i) {
    std::string piece = std::to_string(i);
    piece.resize(LongPieceTable::kPieceMax, '.');
    if (!pieces.empty()) {
      // Twice, so that both entries are the first one's, and then the other's.
      for (const std::string& one : {pieces[0].piece, pieces[0].piece, piece, piece}) table.put(one, 1);
      if (table.find(pieces[0].piece) != 0) continue;
    }
    pieces.push_back({piece, 1 + static_cast<std::uint32_t>(pieces.size())});
  }
  return pieces;
}

/// Threads that put and look for `pieces`; how many were found, and of these with a wrong count.
template <class Put, class Find>
std::pair<int, int> put_and_find(const std::vector<Known>& pieces, Put put, Find find) {
  // Threads meet inside of one store rarely; ThreadSanitizer, which is slow, does not need them to.
#if defined(__SANITIZE_THREAD__)
  constexpr std::size_t kRounds = 50'000;
#else
  constexpr std::size_t kRounds = 1'000'000;
#endif
  std::atomic<int> all_found{0}, all_wrong{0};
  at_once(4, [&](int thread) {
    std::size_t next = static_cast<std::size_t>(thread);
    int found = 0, wrong = 0;
    for (std::size_t round = 0; round < kRounds; ++round) {
      next = next * 6364136223846793005u + 1442695040888963407u;
      put(pieces[(next >> 33) % pieces.size()]);
      const Known& wanted = pieces[(next >> 45) % pieces.size()];
      const std::uint32_t count = find(wanted.piece);
      found += count != 0;
      wrong += count != 0 && count != wanted.count;
    }
    all_found += found;
    all_wrong += wrong;
  });
  return {all_found, all_wrong};
}

TEST(Threads, find_short_pieces_as_they_were_put_where_they_drive_each_other_out) {
  PieceTable table(2);  // eight entries for all of them
  std::vector<Known> pieces = alike_pieces(2, 4);
  for (const Known& one : alike_pieces(PieceTable::kPieceMax, 4)) pieces.push_back(one);
  const auto [found, wrong] = put_and_find(
      pieces, [&](const Known& one) { table.put(PieceTable::key_of(one.piece), one.count); },
      [&](const std::string& piece) { return table.find(PieceTable::key_of(piece)); });
  EXPECT_GT(found, 0);
  EXPECT_EQ(wrong, 0);
}

TEST(Threads, find_long_pieces_as_they_were_put_where_they_drive_each_other_out) {
  LongPieceTable table;
  const auto [found, wrong] = put_and_find(
      rivals(4), [&](const Known& one) { table.put(one.piece, one.count); },
      [&](const std::string& piece) { return table.find(piece); });
  EXPECT_GT(found, 0);
  EXPECT_EQ(wrong, 0);
}

/// Texts of words that no vocabulary has as tokens, more of them than the tables hold.
struct Texts {
  std::vector<std::string> texts;
  std::set<std::string> short_words, long_words;
};

Texts texts_of_many_words() {
  constexpr int kTexts = 2200, kWordsEach = 220;
  std::mt19937_64 random(81);
  Texts made;
  for (int i = 0; i < kTexts; ++i) {
    std::string text = random_text(random, 10);
    for (int n = 0; n < kWordsEach; ++n) {
      const auto kind = random() % 20;
      std::string word = " ";
      if (kind < 16) {
        for (auto size = 5 + random() % 4; size > 0; --size) word += static_cast<char>('a' + random() % 26);
        made.short_words.insert(word);
      } else if (kind < 19) {
        for (auto size = 15 + random() % 36; size > 0; --size) word += static_cast<char>('a' + random() % 26);
        made.long_words.insert(word);
      } else {
        for (auto size = 1 + random() % 12; size > 0; --size)
          append_utf8(word, static_cast<std::uint32_t>(0x4E00 + random() % 0x5000));
      }
      text += word;
    }
    made.texts.push_back(std::move(text));
  }
  return made;
}

class SharedVocabulary : public PresentVocabulary {
 protected:
  /// Through tables and blocks, or through tables and matchers.
  std::uint64_t count(const std::string& text, bool by_matchers) const {
    if (!by_matchers) return static_cast<std::uint64_t>(vocabulary->count(text).value);
    std::string buffer;
    return vocabulary->engine().count_by_matchers(vocabulary->engine().prepare(text, buffer));
  }
};
INSTANTIATE_TEST_SUITE_P(Token, SharedVocabulary,
                         testing::Values("o200k", "qwen3", "deepseek_v3", "mistral_v1"),
                         vocabulary_test_name);

TEST_P(SharedVocabulary, counts_in_a_hundred_threads_what_one_finds_without_tables) {
  constexpr std::size_t kThreads = 100, kOwn = 22, kEach = 3 * kOwn;  // each text is counted by three threads
  static const Texts made = texts_of_many_words();
  const PieceTable& table = *vocabulary->engine().table;
  ASSERT_EQ(made.texts.size(), kThreads * kOwn);
  ASSERT_GT(made.short_words.size(), PieceTable::kWays << (64 - table.shift()));
  ASSERT_GT(made.long_words.size(), LongPieceTable::kEntries);
  std::vector<std::size_t> tokens;
  for (const std::string& text : made.texts) tokens.push_back(vocabulary->encode(text).size());

  std::atomic<int> wrong{0};
  std::atomic<std::size_t> wrong_text{0};
  at_once(kThreads, [&](int thread) {
    for (std::size_t i = 0; i < kEach; ++i) {
      const std::size_t shuffled = (i * 7 + static_cast<std::size_t>(thread)) % kEach;
      const std::size_t at = (static_cast<std::size_t>(thread) * kOwn + shuffled) % made.texts.size();
      if (count(made.texts[at], i % 4 == 0) == tokens[at]) continue;
      ++wrong;
      wrong_text = at;
    }
  });
  EXPECT_EQ(wrong, 0) << "for one: " << testing::PrintToString(made.texts[wrong_text]);
}

}  // namespace
}  // namespace ciyuan::token
