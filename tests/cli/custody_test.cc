#include "cli/internal/custody.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"

namespace ciyuan::cli {
namespace {

class Custody : public testing::Test {
 protected:
  Custody() {
    std::string name = testing::TempDir() + "ciyuan-custody-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~Custody() override { std::filesystem::remove_all(folder_); }
  unsigned mode_of(const char* name) {
    struct stat status;
    EXPECT_EQ(::stat((folder_ / name).c_str(), &status), 0) << name;
    return status.st_mode & 0777;
  }
  std::filesystem::path folder_;
};

TEST_F(Custody, makes_each_secret_once_for_its_owner_alone) {
  auto log = load_log_key(folder_, "example.com/log", true);
  auto token = load_admin_token(folder_);
  auto instance = load_instance_key(folder_);
  ASSERT_TRUE(log.ok() && token.ok() && instance.ok());
  for (const char* name : {"log.key", "admin.token", "instance.key"}) EXPECT_EQ(mode_of(name), 0600u) << name;
  EXPECT_EQ(load_log_key(folder_, "", false)->secret_text(), log->secret_text());
  EXPECT_EQ(load_admin_token(folder_).value(), *token);
  EXPECT_EQ(load_instance_key(folder_).value(), *instance);
  EXPECT_EQ(read_file(folder_ / "log.vkey", 1000).value(), log->verifier().text() + "\n");
  EXPECT_EQ(load_log_key(folder_, "example.com/other", false).error().code, ErrorCode::kInvalid);
}

TEST_F(Custody, refuses_secrets_that_others_may_read) {
  ASSERT_TRUE(load_log_key(folder_, "", true).ok() && load_admin_token(folder_).ok() &&
              load_instance_key(folder_).ok());
  for (const char* name : {"log.key", "admin.token", "instance.key"})
    ASSERT_EQ(::chmod((folder_ / name).c_str(), 0640), 0);
  EXPECT_EQ(load_log_key(folder_, "", false).error().code, ErrorCode::kRefused);
  EXPECT_EQ(load_admin_token(folder_).error().code, ErrorCode::kRefused);
  EXPECT_EQ(load_instance_key(folder_).error().code, ErrorCode::kRefused);
}

TEST_F(Custody, does_not_make_up_the_lost_key_of_a_log_that_exists) {
  EXPECT_EQ(load_log_key(folder_, "", false).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "log.key"));
}

TEST_F(Custody, reads_no_key_out_of_a_damaged_file) {
  ASSERT_TRUE(write_file_atomically(folder_ / "instance.key", "00ff\n", 0600).ok());
  EXPECT_EQ(load_instance_key(folder_).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(write_file_atomically(folder_ / "log.key", "\n", 0600).ok());
  EXPECT_FALSE(load_log_key(folder_, "", true).ok());
}

}  // namespace
}  // namespace ciyuan::cli
