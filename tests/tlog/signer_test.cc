#include "tlog/signer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "slow_tree.h"
#include "tlog/tile.h"

namespace ciyuan::tlog {
namespace {

constexpr const char* kOrigin = "example.com/log";

class SignerState : public testing::Test {
 protected:
  SignerState() {
    std::string folder = testing::TempDir() + "ciyuan-signer-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    for (const Hash& leaf : leaves_) writer_.append(leaf);
    for (const TileChange& change : writer_.take_changes())
      tiles_[{change.level, change.index}] = change.bytes;
  }
  ~SignerState() override { std::filesystem::remove_all(folder_); }

  NoteSigner key(std::uint8_t seed = 1, std::string name = kOrigin) {
    std::array<std::uint8_t, 32> bytes;
    bytes.fill(seed);
    return NoteSigner::make(std::move(name), SigningKey::from_seed(bytes)).value();
  }
  std::filesystem::path path() const { return folder_ / "log.state"; }
  Hash root_at(std::uint64_t size) { return slow::root(std::span(leaves_).first(size)); }
  ConsistencyProver prover() {
    return [this](std::uint64_t old_size, std::uint64_t size) {
      return prove_consistency(old_size, size,
                               hashes_in_tiles(size, [this](unsigned level, std::uint64_t index) {
                                 return Result<Bytes>(tiles_[{level, index}]);
                               }));
    };
  }
  Result<std::string> sign(Signer& signer, std::uint64_t size) {
    return signer.sign(size, root_at(size), prover());
  }

  std::filesystem::path folder_;
  std::vector<Hash> leaves_ = slow::leaves(600);
  TreeWriter writer_;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles_;
};

TEST_F(SignerState, signs_a_growing_tree_across_restarts) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  std::string last;
  for (std::uint64_t size : {0, 1, 2, 255, 256, 257, 600}) {
    Signer signer = Signer::open(path(), key(), kOrigin).value();
    Result<std::string> note = sign(signer, size);
    ASSERT_TRUE(note.ok()) << note.error().text();
    EXPECT_EQ(open_checkpoint(*note, {&key().verifier(), 1})->size, size);
    EXPECT_EQ(sign(signer, size).value(), *note) << "the same tree, the same note";
    EXPECT_EQ(read_file(path(), 1 << 16).value(), *note) << "on disk before it was released";
    last = *note;
  }
  EXPECT_EQ(Signer::open(path(), key(), kOrigin)->last_note(), last);
  struct stat status;
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SignerState, refuses_a_smaller_tree_and_says_why) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 500).ok());
  Result<std::string> smaller = sign(signer, 499);
  ASSERT_FALSE(smaller.ok());
  EXPECT_EQ(smaller.error().code, ErrorCode::kRefused);
  EXPECT_NE(smaller.error().message.find("it is smaller than the last one signed (last signed: size 500"),
            std::string::npos)
      << smaller.error().message;
  EXPECT_TRUE(sign(signer, 600).ok()) << "a refusal leaves the signer able to go on";
}

TEST_F(SignerState, refuses_another_root_at_the_same_size) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 500).ok());
  Result<std::string> forked = signer.sign(500, root_at(501), prover());
  ASSERT_FALSE(forked.ok());
  EXPECT_NE(forked.error().message.find("another root"), std::string::npos);
}

TEST_F(SignerState, refuses_a_tree_whose_past_was_rewritten) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 500).ok());
  // The store is restored to an older copy and grows again with other entries.
  std::vector<Hash> honest = leaves_;
  leaves_[450][0] ^= 1;
  TreeWriter rewritten;
  for (const Hash& leaf : leaves_) rewritten.append(leaf);
  tiles_.clear();
  for (const TileChange& change : rewritten.take_changes())
    tiles_[{change.level, change.index}] = change.bytes;
  Result<std::string> forked = sign(signer, 600);
  ASSERT_FALSE(forked.ok());
  EXPECT_EQ(forked.error().code, ErrorCode::kRefused);
  EXPECT_NE(forked.error().message.find("does not extend the last one signed"), std::string::npos);
  EXPECT_NE(forked.error().message.find("rolled back or damaged"), std::string::npos);
  EXPECT_EQ(signer.last().size, 500u);
  Signer moved = std::move(signer);
  EXPECT_FALSE(sign(moved, 600).ok());
}

TEST_F(SignerState, passes_on_a_store_that_cannot_be_read) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  Result<std::string> note =
      signer.sign(5, root_at(5), [](std::uint64_t, std::uint64_t) -> Result<std::vector<Hash>> {
        return Error{ErrorCode::kUnavailable, "tile lost", "tile/0/000"};
      });
  EXPECT_EQ(note.error().code, ErrorCode::kUnavailable);
}

TEST_F(SignerState, refuses_every_damaged_state) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  {
    Signer signer = Signer::open(path(), key(), kOrigin).value();
    ASSERT_TRUE(sign(signer, 500).ok());
  }
  std::string good = read_file(path(), 1 << 16).value();
  auto write = [&](const std::string& content) { std::ofstream(path(), std::ios::binary) << content; };
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    write(bad);
    Result<Signer> opened = Signer::open(path(), key(), kOrigin);
    ASSERT_FALSE(opened.ok()) << "byte " << i;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
  for (std::size_t length = 0; length < good.size(); length += 7) {
    write(good.substr(0, length));
    EXPECT_EQ(Signer::open(path(), key(), kOrigin).error().code, ErrorCode::kCorrupt) << length;
  }
  write(good);
  EXPECT_TRUE(Signer::open(path(), key(), kOrigin).ok());
  EXPECT_EQ(Signer::open(path(), key(2), kOrigin).error().code, ErrorCode::kCorrupt) << "another key";
  EXPECT_EQ(Signer::open(path(), key(), "example.com/other").error().code, ErrorCode::kCorrupt)
      << "another log";
}

TEST_F(SignerState, is_never_made_up_where_it_is_missing_nor_overwritten_where_it_is_there) {
  EXPECT_EQ(Signer::open(path(), key(), kOrigin).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  EXPECT_EQ(Signer::create(path(), key(), kOrigin).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(Signer::create(folder_ / "other", key(), "example.com/other").ok())
      << "the key names another log";
}

TEST_F(SignerState, that_changed_under_it_is_a_refusal) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  std::string old = read_file(path(), 1 << 16).value();
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 300).ok());
  std::string newer = read_file(path(), 1 << 16).value();
  std::ofstream(path(), std::ios::binary) << old;  // yesterday's copy is put back
  EXPECT_EQ(sign(signer, 400).error().code, ErrorCode::kCorrupt);
  std::ofstream(path(), std::ios::binary) << newer;
  EXPECT_TRUE(sign(signer, 400).ok());
  std::filesystem::remove(path());
  EXPECT_EQ(sign(signer, 500).error().code, ErrorCode::kNotFound);
}

TEST_F(SignerState, that_cannot_be_written_releases_nothing) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 100).ok());
  std::filesystem::path beside = path();
  beside += ".new";
  std::filesystem::create_directory(beside);  // the file beside cannot be made: failed, and not stored
  EXPECT_FALSE(sign(signer, 200).ok());
  EXPECT_EQ(signer.last().size, 100u);
  std::filesystem::remove(beside);
  EXPECT_TRUE(sign(signer, 200).ok());
}

TEST_F(SignerState, that_was_written_though_the_write_failed_is_taken_over) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 100).ok());
  std::filesystem::path beside = path();
  beside += ".new";
  std::filesystem::create_directory(beside);
  ASSERT_FALSE(sign(signer, 200).ok());
  std::filesystem::remove(beside);
  // Failed, but stored: the rename took place and the error came after it.
  std::ofstream(path(), std::ios::binary)
      << sign_note(Checkpoint{kOrigin, 200, root_at(200), {}}.text(), key()).value();
  EXPECT_EQ(sign(signer, 150).error().code, ErrorCode::kRefused) << "200 may have been seen";
  EXPECT_EQ(signer.last().size, 200u);
  EXPECT_TRUE(sign(signer, 200).ok());
  EXPECT_TRUE(sign(signer, 300).ok());
}

TEST_F(SignerState, that_was_written_though_the_write_failed_is_synced_before_it_is_released) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  Signer signer = Signer::open(path(), key(), kOrigin).value();
  ASSERT_TRUE(sign(signer, 100).ok());
  std::filesystem::path beside = path();
  beside += ".new";
  std::filesystem::create_directory(beside);
  ASSERT_FALSE(sign(signer, 200).ok());
  std::ofstream(path(), std::ios::binary)
      << sign_note(Checkpoint{kOrigin, 200, root_at(200), {}}.text(), key()).value();
  // The file can still not be written: what stands in it may not be on the disk, so nobody gets it.
  EXPECT_FALSE(sign(signer, 200).ok());
  EXPECT_EQ(signer.last().size, 100u);
  std::filesystem::remove(beside);
  EXPECT_TRUE(sign(signer, 200).ok());
}

TEST_F(SignerState, has_one_writer) {
  ASSERT_TRUE(Signer::create(path(), key(), kOrigin).ok());
  {
    Signer signer = Signer::open(path(), key(), kOrigin).value();
    EXPECT_EQ(Signer::open(path(), key(), kOrigin).error().code, ErrorCode::kConflict);
    pid_t child = ::fork();
    if (child == 0) ::_exit(Signer::open(path(), key(), kOrigin).ok() ? 1 : 0);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "another process must not get the lock";
  }
  EXPECT_TRUE(Signer::open(path(), key(), kOrigin).ok());
}

}  // namespace
}  // namespace ciyuan::tlog
