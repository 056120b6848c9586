#pragma once

/// What a disk may show of a SQLite database after the power went in the middle of a commit: the database
/// file as it was, and the write-ahead file up to somewhere within the frames of that commit, a byte of them
/// changed perhaps.
///
///   std::optional<TornStore> torn = TornStore::before_commit(folder);
///   store->commit(batch);
///   if (torn->after_commit(random)) torn->write_to(other);     // the store in `other` lacks the batch

#include <filesystem>
#include <optional>
#include <random>
#include <string>

namespace ciyuan::ledger::sim {

class TornStore {
 public:
  /// Nothing where the files cannot be read.
  static std::optional<TornStore> before_commit(const std::filesystem::path& folder);
  /// False where the write-ahead file began anew with the commit: what was in it before is in a database file
  /// that may be newer than the one that was kept.
  bool after_commit(std::mt19937_64& random);
  void write_to(const std::filesystem::path& folder) const;

 private:
  std::filesystem::path folder_;
  std::string database_, wal_;
  std::string salts_;    ///< of the write-ahead file before
  std::size_t end_ = 0;  ///< of its valid frames before
};

}  // namespace ciyuan::ledger::sim
