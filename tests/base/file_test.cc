#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace ciyuan {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status;
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

TEST(WriteFile, does_not_take_over_the_mode_of_what_a_crash_left_beside_it) {
  std::string folder = testing::TempDir() + "ciyuan-file-XXXXXX";
  std::filesystem::path path = std::filesystem::path(::mkdtemp(folder.data())) / "secret";
  std::filesystem::path beside = path;
  beside += ".new";
  std::ofstream(beside) << "half a secret";
  ASSERT_EQ(::chmod(beside.c_str(), 0666), 0);
  ASSERT_TRUE(write_file_atomically(path, "secret", 0600).ok());
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(read_file(path, 100).value(), "secret");
  EXPECT_FALSE(std::filesystem::exists(beside));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ciyuan
