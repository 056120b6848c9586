#pragma once

/// What the log shows to the world: signed checkpoints, and receipts under them. Reads committed state
/// through a Reader of its own and signs through tlog::Signer, whose state file refuses a tree that does not
/// extend the last one signed (promise P6): a store that was rolled back gets no signature, and the error
/// says why.
///
///   CIYUAN_TRY(auto reader, store->reader());
///   CIYUAN_TRY(auto publisher, Publisher::open(std::move(reader), "data/log.state", note_signer,
///   "example.com/log",
///                                              false, &keys));
///   CIYUAN_TRY(std::string note, publisher->checkpoint());
///   CIYUAN_TRY(std::string receipt, publisher->receipt(record_id));
///
/// Any thread; a lock inside. Call it off the clerk's thread: signing syncs a file, about a millisecond. A
/// receipt stands under the last checkpoint signed where that covers it: a storm of receipts for old records
/// costs one signature, not one each. last_checkpoint(), refuses() and trouble() never wait for a signature:
/// an event loop may ask them for strangers.

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "record/keys_file.h"
#include "store/store.h"
#include "tlog/signer.h"
#include "tlog/tile.h"

namespace ciyuan::clerk {

/// The key that a stored record was sealed under. kRefused: erased. kNotFound: not in the file, or another
/// key is where it was: the file is not the one that the store goes with. kCorrupt: damaged.
Result<SecretKey> find_key(store::Reader& reader, const store::RecordRow& row, const record::KeysFile& keys);

class Publisher {
 public:
  /// Opens the signer's state; creates it only where the log is still empty or `create` says so: a lost state
  /// file of a log with leaves is a decision for people. `keys`, if given, must outlive the publisher.
  /// Errors: as tlog::Signer::open, and the reader's.
  static Result<std::unique_ptr<Publisher>> open(std::unique_ptr<store::Reader> reader,
                                                 const std::filesystem::path& state_file,
                                                 tlog::NoteSigner key, const std::string& origin,
                                                 bool create = false, const record::KeysFile* keys = nullptr);

  /// The signed note for the committed tree as it is now. kCorrupt: the stored tiles do not make the stored
  /// root.
  Result<std::string> checkpoint();
  /// Signs where the tree is not the one signed last, or where the last signature failed: what to do every
  /// now and then, so that last_checkpoint() is never old.
  Status keep_up();
  /// The last one signed, whatever was committed since.
  std::string last_checkpoint() const;

  /// True where the last signature was refused because the store and the log as it was published contradict
  /// each other (P6): what is added to this store could never be proved, so nothing may be.
  bool refuses() const { return refuses_; }
  /// Why the last signature failed, in a sentence; empty where it did not.
  std::string trouble() const;

  /// The record's receipt: entry, all groups of the record with their salts, inclusion proof, checkpoint.
  /// Where the record's key was erased, lost or damaged, or open() was given no keys, it proves the entry
  /// alone and reveals nothing. kNotFound: no such record, or not committed yet.
  Result<std::string> receipt(const Id& id);
  /// The receipt of any leaf by its index, as for administrative acts: it proves the entry, and reveals what
  /// the entry says itself.
  Result<std::string> leaf_receipt(std::uint64_t leaf);

  /// A file of the log as C2SP tlog-tiles names it: "checkpoint", "tile/0/x001/234", "tile/entries/000.p/7".
  /// Tiles are served as far as the last checkpoint signed. kNotFound: not in the published tree; kInvalid:
  /// no such name.
  Result<std::string> file(std::string_view path);

 private:
  Publisher(std::unique_ptr<store::Reader> reader, tlog::Signer signer, const record::KeysFile* keys)
      : reader_(std::move(reader)),
        signer_(std::move(signer)),
        keys_(keys),
        published_note_(signer_.last_note()) {}
  Result<std::string> sign_locked();
  Result<std::string> sign_unpublished();
  Result<std::vector<tlog::Hash>> inclusion_locked(std::uint64_t leaf);
  Result<std::string> leaf_receipt_locked(std::uint64_t leaf);

  mutable std::mutex lock_;
  std::unique_ptr<store::Reader> reader_;
  tlog::Signer signer_;
  const record::KeysFile* keys_;

  mutable std::mutex published_;  ///< guards the two below; never held while the disk is waited for
  std::string published_note_;
  std::string trouble_;
  std::atomic<bool> refuses_ = false;
};

}  // namespace ciyuan::clerk
