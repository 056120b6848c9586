// Our log in the hands of a program that is not ours: Go's golang.org/x/mod/sumdb (tests/conformance/tlog).

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "sample.h"

namespace ciyuan::record {
namespace {

void write(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  ASSERT_TRUE(write_file_atomically(path, content).ok());
}

TEST(ThirdParty, go_verifies_our_checkpoints_tiles_proofs_and_receipts) {
  std::string pattern = testing::TempDir() + "ciyuan-go-XXXXXX";
  std::filesystem::path folder = ::mkdtemp(pattern.data());
  SampleLog log;
  std::mt19937_64 random(20261123);
  std::vector<std::pair<Sealed, SecretKey>> records;
  std::size_t fields = 0;                  // that the receipts open: some records have one more group
  constexpr std::uint64_t kSize = 70'000;  // the example of tlog-tiles: three levels
  for (std::uint64_t i = 0; i < kSize; ++i) {
    if (i % 7'000 == 3) {
      SecretKey key = random_secret_key();
      records.emplace_back(seal(random_record(random), key), key);
      EXPECT_EQ(log.append(records.back().first.entry), i);
      fields += 2 * records.back().first.fields.size() / sizeof(Digest) - 2;
      // A receipt under an older checkpoint, and one that withholds.
      write(folder / ("old-" + std::to_string(i) + ".tlog-proof"),
            log.receipt(i, records.back().first.record.json, key, {"session", "request"}).value());
    } else {
      log.append("entry " + std::to_string(i));
    }
    if (i + 1 == 1 || i + 1 == 255 || i + 1 == 256 || i + 1 == 12'345 || i + 1 == 65'536)
      write(folder / ("checkpoint." + std::to_string(i + 1)), log.checkpoint());
  }
  write(folder / "checkpoint.70000", log.checkpoint());
  write(folder / "key", log.key().text() + "\n");
  for (const auto& [where, bytes] : log.tiles()) {
    std::uint32_t width = tlog::tile_width(where.first, where.second, kSize);
    ASSERT_EQ(bytes.size(), width * tlog::kHashBytes);
    write(folder / tlog::tile_path({where.first, where.second, width}), text_of(bytes));
  }
  for (std::size_t i = 0; i < records.size(); ++i)
    write(folder / ("new-" + std::to_string(i) + ".tlog-proof"),
          log.receipt(i * 7'000 + 3, records[i].first.record.json, records[i].second).value());

  std::string command =
      std::string(CIYUAN_SOURCE_DIR) + "/tests/conformance/tlog/run.sh " + folder.string() + " 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  char buffer[512];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, got);
  int status = ::pclose(pipe);
  std::filesystem::remove_all(folder);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << output;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  EXPECT_NE(output.find("ok: 6 checkpoints, 20 receipts, " + std::to_string(fields) + " fields"),
            std::string::npos)
      << output;
}

}  // namespace
}  // namespace ciyuan::record
