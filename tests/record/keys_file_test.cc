#include "record/keys_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/file.h"

namespace ciyuan::record {
namespace {

class Keys : public testing::Test {
 protected:
  Keys() {
    std::string folder = testing::TempDir() + "ciyuan-keys-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
  }
  ~Keys() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path() const { return folder_ / "keys.dat"; }
  std::vector<KeyRow> rows(std::size_t count) {
    std::vector<KeyRow> made;
    for (std::size_t i = 0; i < count; ++i)
      made.push_back(
          {make_uuid7(TimePoint{1'000'000'000'000'000 + 1'000'000 * static_cast<std::int64_t>(made_++)}),
           random_secret_key()});
    return made;
  }
  std::string content() { return read_file(path(), 1 << 28).value(); }
  void patch(std::size_t offset, std::string_view bytes) {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }

  std::filesystem::path folder_;
  std::size_t made_ = 0;
};

TEST_F(Keys, are_found_again_after_reopening) {
  std::vector<KeyRow> all;
  {
    KeysFile keys = KeysFile::open(path()).value();
    for (std::size_t batch : {1u, 100u, 0u, 7u}) {
      std::vector<KeyRow> some = rows(batch);
      EXPECT_EQ(keys.append(some).value(), all.size());
      all.insert(all.end(), some.begin(), some.end());
    }
  }
  KeysFile keys = KeysFile::open(path()).value();
  EXPECT_EQ(keys.size(), all.size());
  EXPECT_EQ(keys.damaged(), 0u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(keys.find(i, all[i].id).value(), all[i].key);
    EXPECT_EQ(keys.find(all[i].id).value(), all[i].key);
    EXPECT_EQ(keys.slot_of(all[i].id).value(), i);
  }
  EXPECT_EQ(keys.find(0, all[1].id).error().code, ErrorCode::kNotFound) << "another record's slot";
  EXPECT_EQ(keys.find(all.size(), all[0].id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys.find(rows(1)[0].id).error().code, ErrorCode::kNotFound);
  struct stat status;
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Keys, are_found_by_id_across_blocks) {
  std::vector<KeyRow> all = rows(40'000);
  std::swap(all[3], all[39'000]);  // ids are only about in order
  KeysFile keys = KeysFile::open(path()).value();
  ASSERT_TRUE(keys.append(all).ok());
  for (std::size_t i : {0u, 3u, 16'383u, 16'384u, 39'000u, 39'999u})
    EXPECT_EQ(keys.find(all[i].id).value(), all[i].key);
}

TEST_F(Keys, leave_no_byte_behind_when_erased) {
  std::vector<KeyRow> all = rows(3);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
    EXPECT_NE(content().find(text_of(all[1].key)), std::string::npos);
    ASSERT_TRUE(keys.erase(1, all[1].id).ok());
    EXPECT_EQ(content().find(text_of(all[1].key)), std::string::npos);
    EXPECT_EQ(content().find(text_of(ByteView(all[1].key).subspan(8, 8))), std::string::npos);
    EXPECT_EQ(keys.find(1, all[1].id).error().code, ErrorCode::kRefused);
    EXPECT_TRUE(keys.erase(1, all[1].id).ok()) << "twice is no error";
    EXPECT_FALSE(keys.erase(1, all[2].id).ok()) << "another record's";
    EXPECT_FALSE(keys.erase(9, all[2].id).ok());
  }
  KeysFile keys = KeysFile::open(path()).value();
  EXPECT_EQ(keys.damaged(), 0u);
  EXPECT_EQ(keys.find(1, all[1].id).error().code, ErrorCode::kRefused);
  EXPECT_EQ(keys.find(all[1].id).error().code, ErrorCode::kRefused);
  EXPECT_TRUE(keys.find(0, all[0].id).ok());
  EXPECT_TRUE(keys.find(2, all[2].id).ok());
}

// An erasure whose sync failed looks done: the next one must reach the disk, or say that it did not.
TEST_F(Keys, that_were_erased_are_written_again_when_erased_again) {
  std::vector<KeyRow> all = rows(1);
  KeysFile keys = KeysFile::open(path()).value();
  ASSERT_TRUE(keys.append(all).ok());
  ASSERT_TRUE(keys.erase(0, all[0].id).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);
  Status failed = keys.erase(0, all[0].id);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(keys.erase(0, all[0].id).ok());
}

TEST_F(Keys, survive_a_crash_at_every_byte_of_an_append) {
  std::vector<KeyRow> all = rows(4);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
  }
  std::string whole = content();
  ASSERT_EQ(whole.size(), 5 * 64u);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    std::filesystem::resize_file(path(), 0);
    patch(0, whole.substr(0, length));
    Result<KeysFile> keys = KeysFile::open(path());
    ASSERT_TRUE(keys.ok()) << length << " " << keys.error().text();
    std::uint64_t whole_slots = length < 64 ? 0 : length / 64 - 1;
    ASSERT_EQ(keys->size(), whole_slots) << length;
    std::vector<KeyRow> next = rows(1);
    EXPECT_EQ(keys->append(next).value(), whole_slots);
    EXPECT_EQ(keys->find(next[0].id).value(), next[0].key);
  }
}

TEST_F(Keys, that_are_damaged_are_reported_and_the_others_kept) {
  std::vector<KeyRow> all = rows(3);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
  }
  patch(64 + 64 + 20, "\x55\xAA");
  KeysFile keys = KeysFile::open(path()).value();
  EXPECT_EQ(keys.damaged(), 1u);
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.find(1, all[1].id).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(keys.find(2, all[2].id).ok());
  EXPECT_FALSE(keys.erase(1, all[1].id).ok());
}

TEST_F(Keys, are_refused_in_a_file_that_others_may_read_or_that_is_something_else) {
  { ASSERT_TRUE(KeysFile::open(path()).ok()); }
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_EQ(KeysFile::open(path()).error().code, ErrorCode::kRefused);
  ASSERT_EQ(::chmod(path().c_str(), 0600), 0);
  KeysFile held = KeysFile::open(path()).value();
  EXPECT_EQ(KeysFile::open(path()).error().code, ErrorCode::kConflict);
  patch(0, "SQLite format 3");
  KeysFile moved = std::move(held);
  std::filesystem::path other = folder_ / "other";
  std::ofstream(other) << std::string(100, 'x');
  ::chmod(other.c_str(), 0600);
  EXPECT_EQ(KeysFile::open(other).error().code, ErrorCode::kCorrupt);
  std::ofstream(other) << "short";
  EXPECT_EQ(KeysFile::open(other).error().code, ErrorCode::kCorrupt);
  EXPECT_FALSE(KeysFile::open(folder_ / "no" / "folder").ok());
}

}  // namespace
}  // namespace ciyuan::record
