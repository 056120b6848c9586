#include "record/key_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <set>

namespace ciyuan::record {
namespace {

constexpr std::uint64_t kSlotBytes = 64;

class Pool : public testing::Test {
 protected:
  Pool() {
    std::string folder = testing::TempDir() + "ciyuan-pool-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
  }
  ~Pool() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path() const { return folder_ / "keys.dat"; }
  std::uint64_t slots_in_file() const { return std::filesystem::file_size(path()) / kSlotBytes - 1; }

  std::filesystem::path folder_;
};

TEST_F(Pool, gives_keys_that_are_in_the_file_each_once) {
  KeysFile file = KeysFile::open(path()).value();
  KeyPool pool(file);
  std::set<SecretKey> seen;
  for (std::uint64_t n = 0; n < 3 * KeyPool::kRefill; ++n) {
    RecordKey taken = pool.take().value();
    ASSERT_EQ(taken.slot, n);
    ASSERT_EQ(file.find(Id{}, taken.slot).value(), taken.key);
    ASSERT_TRUE(seen.insert(taken.key).second);
  }
  EXPECT_EQ(pool.trouble(), "");
}

TEST_F(Pool, writes_ahead_before_it_runs_out) {
  KeysFile file = KeysFile::open(path()).value();
  KeyPool pool(file);
  EXPECT_EQ(file.size(), 0u) << "nothing before the first is wanted";
  for (std::size_t n = 0; n <= KeyPool::kRefill - KeyPool::kLow; ++n) ASSERT_TRUE(pool.take().ok());
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (file.size() < 2 * KeyPool::kRefill && std::chrono::steady_clock::now() < until) ::usleep(1000);
  EXPECT_EQ(file.size(), 2 * KeyPool::kRefill);
}

TEST_F(Pool, leaves_in_the_file_what_was_taken_and_begins_behind_it) {
  {
    KeysFile file = KeysFile::open(path()).value();
    { KeyPool unused(file); }
    EXPECT_EQ(slots_in_file(), 0u);
    KeyPool pool(file);
    for (int n = 0; n < 3; ++n) ASSERT_TRUE(pool.take().ok());
  }
  EXPECT_EQ(slots_in_file(), 3u);
  KeysFile file = KeysFile::open(path(), 3).value();
  KeyPool pool(file);
  EXPECT_EQ(pool.take()->slot, 3u);
}

TEST_F(Pool, gives_none_of_a_dead_processs_keys_again) {
  std::filesystem::path copy = folder_ / "copy.dat";
  std::set<SecretKey> seen;
  {
    KeysFile file = KeysFile::open(path()).value();
    KeyPool pool(file);
    for (int n = 0; n < 3; ++n) seen.insert(pool.take()->key);
    std::filesystem::copy_file(path(), copy);  // as a crash leaves it
  }
  std::filesystem::permissions(copy,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  KeysFile file = KeysFile::open(copy, 1).value();  // two of the three came to no record
  KeyPool pool(file);
  RecordKey taken = pool.take().value();
  EXPECT_EQ(taken.slot, KeyPool::kRefill) << "what was written and not used is burnt";
  EXPECT_FALSE(seen.contains(taken.key));
}

TEST_F(Pool, says_what_is_wrong_and_goes_on_by_itself_when_it_is_mended) {
  KeysFile file = KeysFile::open(path()).value();
  KeyPool pool(file);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);
  Result<RecordKey> first = pool.take(), second = pool.take();
  std::string trouble = pool.trouble();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(trouble, "");
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!pool.trouble().empty() && std::chrono::steady_clock::now() < until) ::usleep(1000);
  EXPECT_EQ(pool.trouble(), "");
  RecordKey taken = pool.take().value();
  EXPECT_EQ(taken.slot, 0u);
  EXPECT_EQ(file.find(Id{}, taken.slot).value(), taken.key);
}

}  // namespace
}  // namespace ciyuan::record
