#pragma once

/// The records' commitment keys, in a file of their own, so that erasing one is real: the file is no database
/// page, journal or backup of anything else. One slot of 64 bytes for each key, which divides a disk sector,
/// so that no slot is ever half in one:
///
///   header (64 bytes)  "ciyuan/keys/v1\n", zeros
///   slot               id 16 ‖ key 32 ‖ check 16      check = SHA-256("ciyuan/key-slot/v1" ‖ u64 slot ‖ id ‖
///   key)
///
/// An erased slot keeps its id and has a key of zeros (so that one can tell erased from never kept). A key is
/// durable before the record that needs it: an orphan key is harmless, a missing one is not. Slots at the end
/// that are torn by a crash were never acknowledged; they are ignored and overwritten.
///
/// Erasing overwrites in place and syncs. File systems that copy on write, and flash below them, may keep the
/// old bytes for a while: put the file on a volume whose own key can be discarded where that matters.
///
///   CIYUAN_TRY(KeysFile keys, KeysFile::open("keys.dat"));
///   CIYUAN_TRY(std::uint64_t slot, keys.append(batch));       // one write, one sync, whatever the batch's
///   size CIYUAN_TRY(SecretKey key, keys.find(slot, id));
///
/// Any thread may call; appends and erasures are serialised inside.

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/crypto.h"
#include "base/id.h"
#include "base/result.h"

namespace ciyuan::record {

struct KeyRow {
  Id id;
  SecretKey key{};
};

class KeysFile {
 public:
  /// Opens or creates (mode 0600). kCorrupt: not a keys file. kRefused: others may read it. kConflict:
  /// another process has it open.
  static Result<KeysFile> open(const std::filesystem::path& path);
  ~KeysFile();
  KeysFile(KeysFile&& other) noexcept;
  KeysFile& operator=(KeysFile&&) = delete;

  /// Slots, erased ones included.
  std::uint64_t size() const;
  /// Slots before the end whose check does not fit: damage, found at open.
  std::uint64_t damaged() const { return damaged_; }

  /// Durable when it returns. The first row's slot; the others follow.
  Result<std::uint64_t> append(std::span<const KeyRow> rows);

  /// The key in a slot. kNotFound: no such slot, or the slot is another record's. kRefused: erased. kCorrupt:
  /// damaged.
  Result<SecretKey> find(std::uint64_t slot, const Id& id) const;
  /// By id alone. Ids grow with time, so blocks of 16,384 slots whose range cannot hold the id are skipped;
  /// in the usual case one block of 1 MiB is read.
  Result<SecretKey> find(const Id& id) const;
  Result<std::uint64_t> slot_of(const Id& id) const;

  /// Durable when it returns. Erasing twice is no error.
  Status erase(std::uint64_t slot, const Id& id);

 private:
  struct Block {
    Id first, last;  ///< least and greatest id
  };
  KeysFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status read_all();
  void note_id(std::uint64_t slot, const Id& id);
  Result<std::uint64_t> slot_of_locked(const Id& id) const;
  Result<SecretKey> find_locked(std::uint64_t slot, const Id& id) const;

  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t damaged_ = 0;
  std::vector<Block> blocks_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
};

}  // namespace ciyuan::record
