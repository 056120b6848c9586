#pragma once

/// Where the clerk's batches become durable, and where everybody else reads.
///
/// One `Store` has one writer, the clerk: commit() makes a batch durable whole or leaves no trace, and the
/// lookups read what is committed. Any number of `Reader`s, each for one thread at a time, see the committed
/// state beside it and never hold the writer up.
///
///   CIYUAN_TRY(std::unique_ptr<Store> store, open_sqlite("data/ciyuan.db"));
///   CIYUAN_TRY_STATUS(store->commit(batch));                  // on disk when this returns
///   CIYUAN_TRY(std::unique_ptr<Reader> reader, store->reader());
///   CIYUAN_TRY(std::vector<RecordRow> page, reader->records({.session = "s1", .rows_max = 50}));
///
/// Errors: kUnavailable (full disk, I/O, locked: the sentence says which), kCorrupt (stored data that
/// contradicts itself), kNotFound. After a failed commit the store may hold the batch or not: nobody may
/// believe anything before reload() worked, which reads the medium again instead of trusting what memory says
/// was written.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/rows.h"

namespace ciyuan::store {

/// Reads committed state. One thread at a time for each Reader.
class Reader {
 public:
  virtual ~Reader() = default;

  virtual Result<Head> head() = 0;
  /// Accounts whose name starts with `prefix` and comes after `after`, in the order of their names.
  virtual Result<std::vector<AccountRow>> accounts(std::string_view prefix, std::string_view after,
                                                   std::size_t rows_max) = 0;
  virtual Result<std::optional<AccountRow>> account(std::string_view name) = 0;
  /// The account's entries, newest first, from the one before `before_entry` on (0: from the newest), down to
  /// time `from`.
  virtual Result<std::vector<StatementLine>> statement(std::string_view account, EntryNumber before_entry,
                                                       TimePoint from, std::size_t rows_max) = 0;
  /// The account's balance after all entries of time `at` and before. kNotFound. About 130 rows of the
  /// journal are read, however long the account's chain is (internal/codec.h, is_milestone()).
  virtual Result<BalanceAt> balance_at(std::string_view account, TimePoint at) = 0;
  /// The journal itself, in order: for audits.
  virtual Result<std::vector<EntryRow>> entries(EntryNumber after, std::size_t rows_max) = 0;
  virtual Result<std::vector<OpenCall>> open_calls() = 0;

  virtual Result<std::optional<RecordRow>> record(const Id& id) = 0;
  virtual Result<std::optional<RecordRow>> record_at(std::uint64_t leaf) = 0;
  /// Newest first.
  virtual Result<std::vector<RecordRow>> records(const RecordFilter& filter) = 0;

  /// The documents in force, by kind and name; or all versions of one, newest first.
  virtual Result<std::vector<DocumentRow>> documents() = 0;
  /// Those of one kind whose name starts with `prefix` and comes after `after`, in the order of their names.
  virtual Result<std::vector<DocumentRow>> documents_of(std::string_view kind, std::string_view prefix,
                                                        std::string_view after, std::size_t rows_max) = 0;
  virtual Result<std::vector<DocumentRow>> document_history(std::string_view kind, std::string_view name) = 0;
  /// Any document that ever was, by its digest: what a record names.
  virtual Result<std::optional<DocumentRow>> document_by_digest(const Digest& digest) = 0;
  /// Newest first; before_leaf as in RecordFilter.
  virtual Result<std::vector<AdminRow>> admin_log(std::uint64_t before_leaf, std::size_t rows_max) = 0;

  /// The entries of leaves [from, from + count), fewer at the end of the log.
  virtual Result<std::vector<std::string>> log_entries(std::uint64_t from, std::size_t count) = 0;
  /// All bytes stored of a tile. kNotFound where there are none.
  virtual Result<Bytes> tile(unsigned level, std::uint64_t index) = 0;

  /// Makes what follows see one state until release(): for answers made of several reads. Short ones only: a
  /// pinned state keeps the store's write-ahead file from shrinking.
  virtual Status pin() = 0;
  virtual void release() = 0;
};

/// Pins for a scope.
class Pinned {
 public:
  static Result<Pinned> on(Reader& reader) {
    CIYUAN_TRY_STATUS(reader.pin());
    return Pinned(&reader);
  }
  ~Pinned() {
    if (reader_ != nullptr) reader_->release();
  }
  Pinned(Pinned&& other) noexcept : reader_(std::exchange(other.reader_, nullptr)) {}
  Pinned& operator=(Pinned&&) = delete;

 private:
  explicit Pinned(Reader* reader) : reader_(reader) {}
  Reader* reader_;
};

class Store {
 public:
  virtual ~Store() = default;

  /// Durable when it returns. See above for errors; kConflict: another writer has committed in between.
  virtual Status commit(const Batch& batch) = 0;

  /// Starts over from the medium after a failed commit: closes, opens, recovers, and makes what is found
  /// durable before it returns.
  virtual Status reload() = 0;

  // What the clerk reads, on its own thread. Committed state only.
  virtual Result<Head> head() = 0;
  virtual Result<std::vector<OpenCall>> open_calls() = 0;
  virtual Result<std::optional<AccountRow>> account(std::string_view name) = 0;
  virtual Result<std::optional<AccountRow>> account(AccountNumber number) = 0;
  virtual Result<std::optional<RecordRow>> record(const Id& id) = 0;
  /// A posting of the control plane by its id.
  virtual Result<std::optional<EntryRow>> posting(const Id& id) = 0;
  /// When an entry of the journal was made; nothing where there is none of this number.
  virtual Result<std::optional<TimePoint>> entry_time(EntryNumber number) = 0;
  /// kNotFound-free: nothing for a key that is unknown; an expired one is returned, and judged by the caller.
  virtual Result<std::optional<IdempotencyRow>> idempotency(std::string_view key) = 0;
  virtual Result<Bytes> tile(unsigned level, std::uint64_t index) = 0;
  /// The newest version of a document, a deletion included; nothing if it never was.
  virtual Result<std::optional<DocumentRow>> document(std::string_view kind, std::string_view name) = 0;

  /// A new reader. Any thread; it may outlive neither the store nor a reload() unused: after a reload readers
  /// work on.
  virtual Result<std::unique_ptr<Reader>> reader() = 0;
};

/// Opens or creates a database: WAL, synchronous=FULL, one file beside its -wal and -shm. A newer schema,
/// another program's database or a damaged file is kCorrupt with the reason, and nothing is changed.
/// kConflict: another process has it open for writing.
Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& path);

/// The database read only, beside a running program or after it: for the command line.
Result<std::unique_ptr<Reader>> open_sqlite_reader(const std::filesystem::path& path);

}  // namespace ciyuan::store
