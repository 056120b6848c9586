#include "token/user_vocabularies.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/crypto.h"
#include "base/file.h"
#include "tests/token/small_tokenizers.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

std::filesystem::path empty_folder(const char* name) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove_all(folder);
  return folder;
}

std::string content_named(const std::string& name) {
  return import_vocabulary(small_tree().dump(), {.name = name, .pretokenizer = "", .specials = {}}).value();
}

VocabularySet::Listing listing_of(const std::filesystem::path& folder, const std::string& name) {
  VocabularySet set(std::string(CIYUAN_SOURCE_DIR) + "/data", folder.string());
  for (const auto& each : set.list().value())
    if (each.name == name) return each;
  ADD_FAILURE() << name << " is not listed";
  return {};
}

TEST(UserVocabularies, what_is_added_is_found_by_its_name) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "ciyuan-added-vocabularies";
  std::filesystem::remove_all(folder);
  const std::string content =
      import_vocabulary(small_tree().dump(), {.name = "mine", .pretokenizer = "", .specials = {}}).value();
  ASSERT_TRUE(add_vocabulary(content, "00", {}, folder).ok());
  VocabularySet set(std::string(CIYUAN_SOURCE_DIR) + "/data", folder.string());
  ASSERT_TRUE(set.find("mine").ok());
  EXPECT_EQ(to_hex(set.find("mine").value()->digest()), to_hex(sha256(content)));
  EXPECT_TRUE(set.find("o200k").ok());
  EXPECT_TRUE(set.ships("O200K"));
  EXPECT_FALSE(set.ships("mine"));
  const std::string taken =
      import_vocabulary(small_tree().dump(), {.name = "o200k", .pretokenizer = "", .specials = {}}).value();
  EXPECT_EQ(add_vocabulary(taken, "00", {}, folder).error().code, ErrorCode::kConflict);
  std::filesystem::remove_all(folder);
}

TEST(UserVocabularies, without_vectors_it_is_not_proved_until_they_are_given) {
  const auto folder = empty_folder("ciyuan-unproved");
  const std::string content = content_named("mine");
  ASSERT_TRUE(add_vocabulary(content, "00", {.tokens = 97, .specials = 1, .vectors = 0}, folder).ok());
  EXPECT_FALSE(listing_of(folder, "mine").proved);
  EXPECT_TRUE(listing_of(folder, "o200k").proved);
  VocabularySet before(std::string(CIYUAN_SOURCE_DIR) + "/data", folder.string());
  EXPECT_FALSE(before.find("mine").value()->is_proved());
  EXPECT_TRUE(before.find("o200k").value()->is_proved());

  EXPECT_EQ(add_vocabulary(content, "00", {}, folder).error().code, ErrorCode::kConflict) << "nothing new";
  Json other = small_tree();
  other["model"]["merges"] = {"a b"};
  const std::string changed = import_vocabulary(other.dump(), {.name = "mine"}).value();
  EXPECT_EQ(add_vocabulary(changed, "00", {.vectors = 3}, folder).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(listing_of(folder, "mine").proved) << "the vectors are of another";
  ASSERT_TRUE(add_vocabulary(content, "00", {.vectors = 3}, folder).ok());
  EXPECT_TRUE(listing_of(folder, "mine").proved);
  VocabularySet after(std::string(CIYUAN_SOURCE_DIR) + "/data", folder.string());
  EXPECT_TRUE(after.find("mine").value()->is_proved());
  std::filesystem::remove_all(folder);
}

TEST(UserVocabularies, several_that_are_added_at_once_are_all_there) {
  const auto folder = empty_folder("ciyuan-added-at-once");
  constexpr int kWriters = 8, kEach = 4;
  std::atomic<int> added{0}, refused{0};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kEach; ++i) {
        const std::string own = "own-" + std::to_string(writer) + "-" + std::to_string(i);
        EXPECT_TRUE(add_vocabulary(content_named(own), "00", {}, folder).ok()) << own;
        const Status shared = add_vocabulary(content_named("shared-" + std::to_string(i)), "00", {}, folder);
        shared.ok() ? ++added : ++refused;
      }
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(added, kEach) << "of one name one wins";
  EXPECT_EQ(refused, kEach * (kWriters - 1));
  VocabularySet set(std::string(CIYUAN_SOURCE_DIR) + "/data", folder.string());
  int there = 0;
  for (const auto& each : set.list().value()) there += each.added ? 1 : 0;
  EXPECT_EQ(there, kEach * (kWriters + 1));
  std::filesystem::remove_all(folder);
}

TEST(UserVocabularies, a_manifest_that_is_none_is_an_error) {
  const auto folder = empty_folder("ciyuan-broken-manifest");
  std::filesystem::create_directories(folder);
  for (const char* text : {R"({"vocabularies":[{"name":7}]})", R"({"vocabularies":[3]})", "[]", "{"}) {
    ASSERT_TRUE(write_file_atomically(folder / "manifest.json", text).ok());
    VocabularySet set(std::string(CIYUAN_SOURCE_DIR) + "/data", folder.string());
    EXPECT_FALSE(set.list().ok()) << text;
    EXPECT_FALSE(set.find("o200k").ok()) << text;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ciyuan::token
