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

/// A key as files held it when keys were written with their calls, to the letter of the format.
std::string row_with_id(std::uint64_t slot, const Id& id, const SecretKey& key) {
  std::string content = "ciyuan/key-slot/v1";
  for (int shift = 56; shift >= 0; shift -= 8) content += static_cast<char>(slot >> shift & 0xFF);
  std::string row = std::string(text_of(id.bytes)) + std::string(text_of(key));
  Digest check = sha256(content + row);
  return row + std::string(text_of(ByteView(check).first(16)));
}

class Keys : public testing::Test {
 protected:
  Keys() {
    std::string folder = testing::TempDir() + "ciyuan-keys-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
  }
  ~Keys() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path() const { return folder_ / "keys.dat"; }
  Id id(std::size_t n) const {
    return make_uuid7(TimePoint{1'000'000'000'000'000 + 1'000'000 * static_cast<std::int64_t>(n)});
  }
  static std::vector<SecretKey> some(std::size_t count) {
    std::vector<SecretKey> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(random_secret_key());
    return made;
  }
  std::string content() { return read_file(path(), 1 << 28).value(); }
  void patch(std::size_t offset, std::string_view bytes) {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }
  /// A file that an older program left.
  void write_rows_with_ids(const std::vector<Id>& ids, const std::vector<SecretKey>& keys) {
    { ASSERT_TRUE(KeysFile::open(path()).ok()); }
    std::string rows;
    for (std::size_t i = 0; i < ids.size(); ++i) rows += row_with_id(i, ids[i], keys[i]);
    patch(64, rows);
  }

  std::filesystem::path folder_;
};

TEST_F(Keys, are_found_again_after_reopening) {
  std::vector<SecretKey> all;
  {
    KeysFile keys = KeysFile::open(path()).value();
    for (std::size_t batch : {1u, 100u, 0u, 7u}) {
      std::vector<SecretKey> more = some(batch);
      EXPECT_EQ(keys.append(more).value(), all.size());
      all.insert(all.end(), more.begin(), more.end());
    }
  }
  KeysFile keys = KeysFile::open(path(), all.size()).value();
  EXPECT_EQ(keys.size(), all.size());
  EXPECT_EQ(keys.damaged() + keys.missing(), 0u);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(keys.find(id(i), i).value(), all[i]);
  EXPECT_EQ(keys.find(id(0), all.size()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys.find(id(0), std::nullopt).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys.find(Id{}, std::nullopt).error().code, ErrorCode::kNotFound) << "no id is not an id";
  struct stat status;
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Keys, of_older_files_are_found_and_erased_by_id_beside_new_ones) {
  std::vector<SecretKey> old = some(40'000);
  std::vector<Id> ids;
  for (std::size_t i = 0; i < old.size(); ++i) ids.push_back(id(i));
  std::swap(ids[3], ids[39'000]);  // ids are only about in order
  write_rows_with_ids(ids, old);
  std::vector<SecretKey> fresh = some(5);
  {
    KeysFile keys = KeysFile::open(path()).value();
    EXPECT_EQ(keys.append(fresh).value(), 40'000u);
    ASSERT_TRUE(keys.erase(ids[7], std::nullopt).ok());
  }
  KeysFile keys = KeysFile::open(path(), 40'005).value();
  EXPECT_EQ(keys.damaged() + keys.missing(), 0u);
  for (std::size_t i : {0u, 3u, 16'383u, 16'384u, 39'000u, 39'999u}) {
    EXPECT_EQ(keys.find(ids[i], std::nullopt).value(), old[i]);
    EXPECT_EQ(keys.find(ids[i], i).value(), old[i]);
    EXPECT_EQ(keys.find(id(99'999), i).error().code, ErrorCode::kNotFound) << "another record's slot";
  }
  EXPECT_EQ(keys.find(ids[7], std::nullopt).error().code, ErrorCode::kRefused);
  EXPECT_EQ(keys.find(id(50'000), 40'004).value(), fresh[4]);
  EXPECT_EQ(keys.find(id(50'000), std::nullopt).error().code, ErrorCode::kNotFound);
}

TEST_F(Keys, leave_no_byte_behind_when_erased) {
  std::vector<SecretKey> all = some(3);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
    EXPECT_NE(content().find(text_of(all[1])), std::string::npos);
    ASSERT_TRUE(keys.erase(id(1), 1).ok());
    EXPECT_EQ(content().find(text_of(all[1])), std::string::npos);
    EXPECT_EQ(content().find(text_of(ByteView(all[1]).subspan(8, 8))), std::string::npos);
    EXPECT_EQ(keys.find(id(1), 1).error().code, ErrorCode::kRefused);
    EXPECT_TRUE(keys.erase(id(1), 1).ok()) << "twice is no error";
    EXPECT_FALSE(keys.erase(id(1), 9).ok());
    EXPECT_FALSE(keys.erase(id(1), std::nullopt).ok());
  }
  KeysFile keys = KeysFile::open(path(), 3).value();
  EXPECT_EQ(keys.damaged() + keys.missing(), 0u);
  EXPECT_EQ(keys.find(id(1), 1).error().code, ErrorCode::kRefused);
  EXPECT_TRUE(keys.find(id(0), 0).ok());
  EXPECT_TRUE(keys.find(id(2), 2).ok());
}

// An erasure whose sync failed looks done: the next one must reach the disk, or say that it did not.
TEST_F(Keys, that_were_erased_are_written_again_when_erased_again) {
  KeysFile keys = KeysFile::open(path()).value();
  ASSERT_TRUE(keys.append(some(1)).ok());
  ASSERT_TRUE(keys.erase(id(0), 0).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &none);
  Status failed = keys.erase(id(0), 0);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(keys.erase(id(0), 0).ok());
}

TEST_F(Keys, survive_a_crash_at_every_byte_of_an_append) {
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(some(4)).ok());
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
    std::vector<SecretKey> next = some(1);
    EXPECT_EQ(keys->append(next).value(), whole_slots);
    EXPECT_EQ(keys->find(id(0), whole_slots).value(), next[0]);
  }
}

// A power cut keeps the pages of a write in any order. Nobody had been given these keys.
TEST_F(Keys, that_a_crash_tore_before_they_were_given_are_not_damage_afterwards) {
  std::vector<SecretKey> all = some(5);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
  }
  patch(64 + 2 * 64, std::string(64, '\0'));
  patch(64 + 3 * 64 + 20, "\x55\xAA");
  {
    KeysFile keys = KeysFile::open(path(), 2).value();
    EXPECT_EQ(keys.damaged() + keys.missing(), 0u);
    EXPECT_EQ(keys.append(some(2)).value(), 5u) << "behind all that was written";
  }
  KeysFile keys = KeysFile::open(path(), 6).value();
  EXPECT_EQ(keys.damaged() + keys.missing(), 0u);
  EXPECT_EQ(keys.find(id(1), 1).value(), all[1]);
  EXPECT_EQ(keys.find(id(4), 4).value(), all[4]) << "what was whole stays";
  EXPECT_EQ(keys.find(id(2), 2).error().code, ErrorCode::kRefused);
}

TEST_F(Keys, that_are_damaged_are_reported_and_the_others_kept) {
  std::vector<SecretKey> all = some(3);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
  }
  patch(64 + 64 + 20, "\x55\xAA");
  KeysFile keys = KeysFile::open(path(), 3).value();
  EXPECT_EQ(keys.damaged(), 1u);
  EXPECT_EQ(keys.missing(), 0u);
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.find(id(1), 1).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(keys.find(id(2), 2).value(), all[2]);
  EXPECT_FALSE(keys.erase(id(1), 1).ok());
}

TEST_F(Keys, of_older_files_that_are_damaged_are_reported_though_no_record_names_slots) {
  std::vector<SecretKey> old = some(3);
  std::vector<Id> ids = {id(0), id(1), id(2)};
  write_rows_with_ids(ids, old);
  patch(64 + 64 + 20, "\x55\xAA");
  for (std::uint64_t used : {0u, 3u}) {
    KeysFile keys = KeysFile::open(path(), used).value();
    EXPECT_EQ(keys.damaged(), 1u);
    EXPECT_EQ(keys.find(ids[2], std::nullopt).value(), old[2]);
  }
  EXPECT_NE(content().find("\x55\xAA"), std::string::npos) << "it is left as it is";
}

TEST_F(Keys, that_an_older_copy_of_the_file_lacks_are_missing_and_their_slots_not_given_again) {
  std::vector<SecretKey> all = some(3), more = some(2);
  {
    KeysFile keys = KeysFile::open(path()).value();
    ASSERT_TRUE(keys.append(all).ok());
  }
  {
    KeysFile keys = KeysFile::open(path(), 10).value();
    EXPECT_EQ(keys.missing(), 7u);
    EXPECT_EQ(keys.find(id(5), 5).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(keys.append(more).value(), 10u);
  }
  KeysFile keys = KeysFile::open(path(), 12).value();
  EXPECT_EQ(keys.missing(), 7u) << "at every start";
  EXPECT_EQ(keys.damaged(), 0u);
  EXPECT_EQ(keys.find(id(5), 5).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(keys.find(id(2), 2).value(), all[2]);
  EXPECT_EQ(keys.find(id(11), 11).value(), more[1]);
  std::filesystem::path empty = folder_ / "empty.dat";
  EXPECT_EQ(KeysFile::open(empty, 3)->missing(), 3u);
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
