#pragma once

/// The records' commitment keys, in a file of their own, so that erasing one is real: the file is no database
/// page, journal or backup of anything else. One slot of 64 bytes for each key, which divides a disk sector,
/// so that no slot is ever half in one:
///
///   header (64 bytes)  "ciyuan/keys/v1\n", zeros
///   slot               id 16 ‖ key 32 ‖ check 16      check = SHA-256("ciyuan/key-slot/v1" ‖ u64 slot ‖ id ‖
///   key)
///
/// Keys are written ahead of their records, thousands with one sync (key_pool.h), so the id is zeros: which
/// slot is a record's, the record's row says. Older files begin with keys that were written with their
/// calls, and have their ids; those rows name no slot, and their keys are found by id.
///
/// What must never happen, and why it does not:
///   - a record whose key is lost: keys are given out only when they are durable;
///   - a key for two records: a slot is given once in a process, and a process begins behind all slots that
///     any earlier one wrote or that the store's records name, whichever is further. So a crash burns what
///     was written and not given; so does a store that was rolled back. An orderly end cuts it off.
///
/// An erased slot has a key of zeros, and its check is right (so that one can tell erased from never kept).
/// Slots that are torn by a crash were never given out: those at the end are overwritten, others erased.
/// Slots that the store names and this file lacks, as after a restore of an older copy, are `missing`.
///
/// Erasing overwrites in place and syncs. File systems that copy on write, and flash below them, may keep the
/// old bytes for a while: put the file on a volume whose own key can be discarded where that matters.
///
///   CIYUAN_TRY(KeysFile keys, KeysFile::open("keys.dat", head.key_slots));
///   CIYUAN_TRY(std::uint64_t first, keys.append(batch));     // one write, one sync, whatever the batch's
///   size CIYUAN_TRY(SecretKey key, keys.find(id, first));
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

/// A key, and where it is kept. No slot: nowhere, or by its record's id.
struct RecordKey {
  SecretKey key{};
  std::optional<std::uint64_t> slot;
};

class KeysFile {
 public:
  /// Opens or creates (mode 0600). `used`: slots below it may be named by records of the store. kCorrupt: not
  /// a keys file. kRefused: others may read it. kConflict: another process has it open.
  static Result<KeysFile> open(const std::filesystem::path& path, std::uint64_t used = 0);
  ~KeysFile();
  KeysFile(KeysFile&& other) noexcept;
  KeysFile& operator=(KeysFile&&) = delete;

  /// Slots, erased and missing ones included: the next key's.
  std::uint64_t size() const;
  /// Slots that were written whole, and whose check does not fit now: damage, found at open.
  std::uint64_t damaged() const { return damaged_; }
  /// Used slots that were never written in this file, found at open: it is not the one the store goes with.
  std::uint64_t missing() const { return missing_; }

  /// Durable when it returns. The first key's slot; the others follow.
  Result<std::uint64_t> append(std::span<const SecretKey> keys);
  /// Takes the slots from this one on back, which nobody was ever given. It may come to nothing in a crash.
  Status cut_off(std::uint64_t slot);

  /// The key of a record: in its slot, or without one by its id. Ids grow with time, so blocks of 16,384
  /// slots whose range cannot hold the id are skipped; in the usual case one block of 1 MiB is read.
  /// kNotFound: no such slot, or it is another record's. kRefused: erased. kCorrupt: damaged.
  Result<SecretKey> find(const Id& id, std::optional<std::uint64_t> slot) const;

  /// Durable when it returns. Erasing twice is no error.
  Status erase(const Id& id, std::optional<std::uint64_t> slot);

 private:
  struct Block {
    Id first, last;  ///< least and greatest id that stands in it
  };
  KeysFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status read_header();
  Status read_slots(std::uint64_t used);
  void note_id(std::uint64_t slot, const Id& id);
  Result<std::uint64_t> slot_of(const Id& id) const;
  Result<SecretKey> find_in(std::uint64_t slot, const Id& id) const;

  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t damaged_ = 0, missing_ = 0;
  std::vector<Block> blocks_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
};

}  // namespace ciyuan::record
