#include "cli/internal/count_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace ciyuan::cli {
namespace {

using testing::HasSubstr;

class Parts : public testing::Test {
 protected:
  static Result<CountPlan> plan() { return plan_count({}); }
  static PlacedFile placed(std::string_view text) {
    return {text.size(), [text](std::uint64_t offset, char* into, std::size_t size) {
              const std::string_view part = text.substr(std::min<std::size_t>(offset, text.size()), size);
              std::copy(part.begin(), part.end(), into);
              return static_cast<ssize_t>(part.size());
            }};
  }
  std::atomic<std::uint64_t> done_{0};
};

TEST_F(Parts, several_threads_share_the_parts_of_one_file) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "line " + std::to_string(i) + " ends here\n";
  PlacedFile file = placed(text);
  // The first reader waits for a second: counted on one thread, this would not end.
  std::mutex mutex;
  std::condition_variable met;
  int readers = 0;
  const auto read = file.read;
  const auto ends = part_ends(*plan(), file, 50000);
  ASSERT_GT(ends.size(), 5u);
  file.read = [&](std::uint64_t offset, char* into, std::size_t size) {
    std::unique_lock lock(mutex);
    ++readers;
    met.notify_all();
    EXPECT_TRUE(met.wait_for(lock, std::chrono::seconds(60), [&] { return readers > 1; }));
    return read(offset, into, size);
  };
  PartBoard board;
  std::thread other([&] { board.help(); });
  const auto counted = board.count(*plan(), "name", file, ends, done_);
  board.close();
  other.join();
  ASSERT_TRUE(counted.ok());
  EXPECT_EQ(counted->tokens.at(0), token::VocabularySet::standard().find("o200k").value()->count(text));
  EXPECT_EQ(done_.load(), text.size());
}

TEST_F(Parts, a_text_without_borders_has_none) {
  const std::string zeros(20 << 20, '\0'), word(5 << 20, 'x');
  EXPECT_TRUE(part_ends(*plan(), placed(zeros)).empty());
  EXPECT_EQ(part_ends(*plan(), placed(word)), std::vector<std::uint64_t>{word.size()}) << "one part";
}

TEST_F(Parts, a_file_that_becomes_shorter_is_an_error) {
  PlacedFile file = placed("some text");
  file.size = 4000;
  PartBoard board;
  const auto counted = board.count(*plan(), "name", file, {4000}, done_);
  ASSERT_FALSE(counted.ok());
  EXPECT_THAT(counted.error().text(), HasSubstr("became shorter"));
}

}  // namespace
}  // namespace ciyuan::cli
