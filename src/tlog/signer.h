#pragma once

/// The one place that signs checkpoints, and the reason why a log of ours cannot fork: it remembers, in a
/// file of its own outside the database, the last checkpoint it signed, and signs only what is proved to
/// extend it. A database that was rolled back, lost its tail or was damaged does not pass, and the refusal
/// says why.
///
/// The state file is the last signed checkpoint itself, so its own signature guards it against damage. It is
/// on disk (written beside, synced, renamed) before the new signature leaves sign(). A lock file beside it,
/// held as long as the Signer lives, keeps a second process from signing with the same state; and sign()
/// reads the file again each time, so that a file changed under it (a restored copy) is a refusal, not a
/// fork.
///
/// Order that the caller keeps: first make the tree durable, then sign it, then publish. Signing what a crash
/// can still take back would lead to a refusal for good.
///
///   CIYUAN_TRY_STATUS(Signer::create("log.state", signer, "example.com/log"));      // once in a log's life
///   CIYUAN_TRY(Signer log, Signer::open("log.state", signer, "example.com/log"));
///   CIYUAN_TRY(std::string note, log.sign(writer.size(), writer.root(),
///       [&](std::uint64_t from, std::uint64_t to) { return prove_consistency(from, to, reader); }));
///
/// What it cannot see: an operator who rolls back database and state file together. Witnesses can.
/// One thread at a time.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tlog/checkpoint.h"

namespace ciyuan::tlog {

/// Gives the consistency proof between two sizes of the tree that is to be signed.
using ConsistencyProver =
    std::function<Result<std::vector<Hash>>(std::uint64_t old_size, std::uint64_t size)>;

class Signer {
 public:
  /// Starts a log: signs the empty tree as its first state. kConflict where the state file exists already.
  static Status create(const std::filesystem::path& state_file, const NoteSigner& key,
                       const std::string& origin);

  /// Opens the state of an existing log and takes its lock. kNotFound: no state file (it is never made up: a
  /// lost state is a decision for people). kConflict: another process holds the lock. kCorrupt: the state is
  /// damaged, or of another log or key.
  static Result<Signer> open(const std::filesystem::path& state_file, NoteSigner key, std::string origin);

  ~Signer();
  Signer(Signer&& other) noexcept;
  Signer& operator=(Signer&& other) noexcept;

  /// The signed checkpoint of a tree that extends the last one signed; the same note again where nothing
  /// grew. kRefused: smaller, of the same size with another root, or not provably consistent. kCorrupt: the
  /// state file changed under us. kUnavailable: it cannot be written; nothing was released and one may try
  /// again.
  Result<std::string> sign(std::uint64_t size, const Hash& root, const ConsistencyProver& prove);

  /// The last checkpoint signed, as data and as the note.
  const Checkpoint& last() const { return last_; }
  const std::string& last_note() const { return last_note_; }

 private:
  Signer(std::filesystem::path state_file, NoteSigner key, std::string origin)
      : state_file_(std::move(state_file)), key_(std::move(key)), origin_(std::move(origin)) {}
  Status take_lock();
  void release_lock();
  Status read_state();

  std::filesystem::path state_file_;
  NoteSigner key_;
  std::string origin_;
  int lock_fd_ = -1;
  Checkpoint last_;
  std::string last_note_;
  std::string attempted_note_;  // written by a sign() that failed: it may have reached the disk all the same
};

}  // namespace ciyuan::tlog
