#include "torn_store.h"

#include <fstream>

#include "base/file.h"

namespace ciyuan::ledger::sim {
namespace {

// sqlite.org/fileformat2.html, §4: a header of 32 bytes, with two salts from byte 16 on; frames of 24 bytes,
// with the same salts from byte 8 on, and a page.
constexpr std::size_t kHeader = 32, kFrame = 24 + 4096, kSalts = 8, kFileMax = 256 << 20;

std::string salts_of(const std::string& wal) { return wal.size() < kHeader ? "" : wal.substr(16, kSalts); }

// The end of the frames that carry the header's salts: what is behind is of an earlier round.
std::size_t end_of_frames(const std::string& wal) {
  std::size_t end = kHeader;
  while (end + kFrame <= wal.size() && wal.compare(end + 8, kSalts, salts_of(wal)) == 0) end += kFrame;
  return end;
}

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

std::optional<TornStore> TornStore::before_commit(const std::filesystem::path& folder) {
  TornStore torn;
  torn.folder_ = folder;
  auto database = read_file(folder / "ledger.db", kFileMax),
       wal = read_file(folder / "ledger.db-wal", kFileMax);
  if (!database.ok() || !wal.ok() || wal->size() < kHeader) return std::nullopt;
  torn.database_ = std::move(*database);
  torn.salts_ = salts_of(*wal);
  torn.end_ = end_of_frames(*wal);
  return torn;
}

bool TornStore::after_commit(std::mt19937_64& random) {
  auto wal = read_file(folder_ / "ledger.db-wal", kFileMax);
  if (!wal.ok() || salts_of(*wal) != salts_) return false;
  std::size_t end = end_of_frames(*wal);
  if (end <= end_) return false;
  wal_ = std::move(*wal);
  if (random() % 2 == 0) {
    wal_.resize(end_ + random() % (end - end_));
  } else {
    wal_.resize(end);
    // In the last frame, which is the one that commits; all others hang on its checksum.
    char& byte = wal_[end - 1 - random() % kFrame];
    byte = static_cast<char>(byte ^ (1 << random() % 8));
  }
  return true;
}

void TornStore::write_to(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  write(folder / "ledger.db", database_);
  write(folder / "ledger.db-wal", wal_);
}

}  // namespace ciyuan::ledger::sim
