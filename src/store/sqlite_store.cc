#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <unordered_set>

#include "base/file.h"
#include "store/internal/buffered_wal.h"
#include "store/internal/codec.h"
#include "store/internal/queries.h"
#include "store/internal/schema.h"
#include "store/store.h"

namespace ciyuan::store {
namespace {

using internal::Database;
using internal::Queries;
using internal::Statement;

// Copying the write-ahead file back into the database costs as much as writing it did, and syncs twice. A
// thread of its own does that for each so many new pages (of 4 KiB), so that no batch waits for it; few at a
// time, since a batch's sync has to wait behind theirs in the disk's queue. Should it not keep up, or the
// file never come to its end under load, the writer itself does the rest at the second figure, which bounds
// the file.
constexpr int kBackgroundPages = 500;
constexpr int kForegroundPages = 32'000;
constexpr int kNice = 10;

// One process writes: a lock file beside the database, held as long as the store lives.
class WriterLock {
 public:
  static Result<WriterLock> take(const std::filesystem::path& database) {
    std::filesystem::path path = database;
    path += ".lock";
    WriterLock lock;
    lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.fd_ < 0) return system_error("open", path, errno);
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0)
      return Error{ErrorCode::kConflict, "another process has the database open for writing",
                   database.string()};
    return lock;
  }
  WriterLock() = default;
  WriterLock(WriterLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  WriterLock& operator=(WriterLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~WriterLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  int fd_ = -1;
};

// Copies the write-ahead file back in the background, over a connection of its own.
class Checkpointer {
 public:
  explicit Checkpointer(std::filesystem::path path) : path_(std::move(path)), thread_([this] { run(); }) {}
  ~Checkpointer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void wake() {
    {
      std::lock_guard lock(mutex_);
      wanted_ = true;
    }
    wake_.notify_one();
  }

 private:
  void run() {
    // It may take its time: those who wait for a commit go first.
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    auto database = Database::open(path_, SQLITE_OPEN_READWRITE);
    // A connection that has read nothing knows of no write-ahead file, and would copy nothing back.
    if (!database.ok() || !database->number("SELECT batch FROM head").ok())
      return;  // the writer does it, then
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return wanted_ || stopping_; });
      if (stopping_) return;
      wanted_ = false;
      lock.unlock();
      sqlite3_wal_checkpoint_v2(database->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    }
  }
  std::filesystem::path path_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::filesystem::path path, WriterLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  Status start() { return recover(); }

  Status commit(const Batch& batch) override;
  Status reload() override;

  Result<Head> head() override { return ask(&Queries::head); }
  Result<std::vector<OpenCall>> open_calls() override { return ask(&Queries::open_calls); }
  Result<std::optional<AccountRow>> account(std::string_view name) override {
    return ask(&Queries::account, name);
  }
  Result<std::optional<AccountRow>> account(AccountNumber number) override {
    return ask(&Queries::account_numbered, number);
  }
  Result<std::optional<RecordRow>> record(const Id& id) override { return ask(&Queries::record, id); }
  Result<std::optional<EntryRow>> posting(const Id& id) override { return ask(&Queries::posting, id); }
  Result<std::optional<TimePoint>> entry_time(EntryNumber number) override {
    return ask(&Queries::entry_time, number);
  }
  Result<std::optional<IdempotencyRow>> idempotency(std::string_view key) override {
    return ask(&Queries::idempotency, key);
  }
  Result<Bytes> tile(unsigned level, std::uint64_t index) override {
    return ask(&Queries::tile, level, index);
  }
  Result<std::optional<DocumentRow>> document(std::string_view kind, std::string_view name) override {
    return ask(&Queries::document, kind, name);
  }
  Result<std::unique_ptr<Reader>> reader() override { return open_sqlite_reader(path_); }

 private:
  // After a reload that failed there may be nobody to ask.
  template <class Answer, class... Parameters, class... Arguments>
  Answer ask(Answer (Queries::*question)(Parameters...), Arguments&&... arguments) {
    if (queries_ == nullptr)
      return Error{ErrorCode::kUnavailable, "is not open: reload first", path_.string()};
    return (queries_.get()->*question)(std::forward<Arguments>(arguments)...);
  }
  Status open();
  Status read_open();
  Status recover();
  void close();
  Status write(const Batch& batch);
  Status write_accounts(const std::vector<AccountRow>& accounts);
  Status write_block(AccountNumber block, std::span<const AccountRow* const> rows);
  Status write_journal(const Batch& batch);
  Status write_calls(const Batch& batch);
  Status write_log(const Batch& batch);
  Status write_tiles(const std::vector<tlog::TileChange>& tiles);
  Status write_documents(const Batch& batch);
  Status write_idempotency(const Batch& batch);
  Result<std::int64_t> scope_of(const std::string& contract, const std::string& key);

  std::filesystem::path path_;
  WriterLock lock_;
  Database database_;
  std::unique_ptr<Queries> queries_;
  std::unique_ptr<Checkpointer> checkpointer_;
  bool broken_ = false;
  AccountNumber accounts_ = 0;                                          // the highest number in the table
  std::map<std::pair<std::string, std::string>, std::int64_t> scopes_;  // as many as there are keys
  std::vector<std::pair<std::pair<std::string, std::string>, std::int64_t>> new_scopes_;
  struct Statements {
    Statement begin, commit, rollback, check_head, put_head, add_account, find_states, add_states, set_states,
        add_entry, add_milestone, add_calls, put_mark, end_calls, end_mark, add_record, add_log_entry,
        add_tile, put_idempotency, expire, add_document, add_admin, find_scope, add_scope;
  };
  std::optional<Statements> run_;
  // What the rows of open calls and marks hold, so that ending a call need not look: a failed commit makes it
  // wrong, and reload() reads it again.
  std::map<std::uint64_t, std::size_t> open_;  // by a row's first number: how many of its calls are open
  std::unordered_set<std::uint64_t> marked_;
  int wal_pages_ = 0;
  int copied_from_ = 0;  // how long the write-ahead file was when it was last asked to be copied back
};

Status SqliteStore::open() {
  CIYUAN_TRY(database_,
             Database::open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, internal::buffered_wal_vfs()));
  CIYUAN_TRY_STATUS(database_.execute("PRAGMA page_size = 4096"));
  // The check comes before anything that writes: a file that is not ours stays as it is.
  if (auto ours = internal::schema_version(database_);
      !ours.ok() && ours.error().code != ErrorCode::kNotFound)
    return ours.error();
  CIYUAN_TRY_STATUS(database_.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA "
      "foreign_keys = OFF;"
      "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA locking_mode = NORMAL"));
  CIYUAN_TRY(std::int64_t synchronous, database_.number("PRAGMA synchronous"));
  CIYUAN_CHECK(synchronous == 2, "every commit is synced");
  CIYUAN_TRY_STATUS(internal::prepare_schema(database_));
  sqlite3_wal_hook(
      database_.get(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteStore*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  queries_ = std::make_unique<Queries>(database_.get());
  run_.emplace();
  struct {
    Statement* statement;
    const char* sql;
  } all[] = {
      {&run_->begin, "BEGIN IMMEDIATE"},
      {&run_->commit, "COMMIT"},
      {&run_->rollback, "ROLLBACK"},
      {&run_->check_head, "SELECT batch FROM head"},
      {&run_->put_head,
       "UPDATE head SET batch = ?, at = ?, opened = ?, log_size = ?, log_root = ?, key_slots = ?"},
      {&run_->add_account, "INSERT INTO accounts (number, name, unit, scale, debit_side) VALUES (?,?,?,?,?)"},
      {&run_->find_states, "SELECT states FROM balances WHERE block = ?"},
      {&run_->add_states, "INSERT INTO balances (states, block) VALUES (?,?)"},
      {&run_->set_states, "UPDATE balances SET states = ? WHERE block = ?"},
      {&run_->add_entry, "INSERT INTO entries VALUES (?,?,?,?,?,?,?)"},
      {&run_->add_milestone, "INSERT INTO milestones VALUES (?,?)"},
      {&run_->add_calls, "INSERT INTO open_calls VALUES (?,?)"},
      {&run_->put_mark, "INSERT OR REPLACE INTO marks VALUES (?,?)"},
      {&run_->end_calls, "DELETE FROM open_calls WHERE first = ?"},
      {&run_->end_mark, "DELETE FROM marks WHERE number = ?"},
      {&run_->add_record, "INSERT INTO records VALUES (?,?,?,?,?,?,?,?)"},
      {&run_->add_log_entry, "INSERT INTO log_entries VALUES (?,?)"},
      {&run_->add_tile, "INSERT OR IGNORE INTO tiles VALUES (?, zeroblob(8192))"},
      {&run_->put_idempotency, "INSERT OR REPLACE INTO idempotency VALUES (?,?,?,?)"},
      // Rows are in the order in which they expire, but for a clock that once jumped: so the oldest are
      // looked at.
      {&run_->expire,
       "DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency ORDER BY rowid LIMIT ?) AND "
       "expires < ?"},
      {&run_->add_document, "INSERT INTO documents VALUES (?,?,?,?,?,?,?)"},
      {&run_->add_admin, "INSERT INTO admin_log VALUES (?,?,?,?,?)"},
      {&run_->find_scope, "SELECT number FROM scopes WHERE key = ? AND contract = ?"},
      {&run_->add_scope, "INSERT INTO scopes VALUES (NULL,?,?)"},
  };
  for (auto& [statement, sql] : all) {
    CIYUAN_TRY(*statement, Statement::prepare(database_.get(), sql));
  }
  CIYUAN_TRY(Head present, queries_->head());
  accounts_ = present.accounts;
  return read_open();
}

Status SqliteStore::read_open() {
  open_.clear();
  marked_.clear();
  {
    CIYUAN_TRY(Statement rows, Statement::prepare(database_.get(), "SELECT first FROM open_calls"));
    for (;;) {
      CIYUAN_TRY(bool row, rows.step());
      if (!row) break;
      open_[rows.number(0)] = 0;
    }
  }
  CIYUAN_TRY(std::vector<OpenCall> calls, queries_->open_calls());
  for (const OpenCall& call : calls) {
    ++std::prev(open_.upper_bound(call.call.number))->second;
    if (call.mark) marked_.insert(call.call.number);
  }
  return {};
}

void SqliteStore::close() {
  checkpointer_.reset();
  run_.reset();
  queries_.reset();
  scopes_.clear();
  new_scopes_.clear();
  database_ = Database();
}

Status SqliteStore::reload() {
  broken_ = true;
  close();
  CIYUAN_TRY_STATUS(recover());
  broken_ = false;
  return {};
}

// After a failed sync, this process's or one's before it, the system may show pages that are not on the
// medium and never will be. Whatever the write-ahead file shows now is written into the database and synced,
// before anyone believes it. Nothing else may be copying meanwhile: SQLite would call it busy, without a
// wait.
Status SqliteStore::recover() {
  CIYUAN_TRY_STATUS(open());
  int log = 0, copied = 0;
  int code = sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, &log, &copied);
  if (code != SQLITE_OK) return internal::sqlite_error(database_.get(), code, "recover");
  wal_pages_ = copied_from_ = 0;
  checkpointer_ = std::make_unique<Checkpointer>(path_);
  return {};
}

Status SqliteStore::commit(const Batch& batch) {
  if (broken_)
    return Error{ErrorCode::kUnavailable, "an earlier commit failed: reload first", path_.string()};
  Status written = run_->begin.run();
  if (written.ok()) written = write(batch);
  if (written.ok()) written = run_->commit.run();
  if (!written.ok()) {
    broken_ = true;
    (void)run_->rollback.run();
    return written;
  }
  for (const AccountRow& row : batch.accounts) accounts_ = std::max(accounts_, row.number);
  for (auto& scope : new_scopes_) scopes_.insert(std::move(scope));
  new_scopes_.clear();
  if (wal_pages_ >= kForegroundPages) {
    // Busy readers only make it copy less; an I/O error comes up again in the next commit.
    sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    copied_from_ = 0;
  } else {
    if (wal_pages_ < copied_from_) copied_from_ = 0;  // the file began anew
    if (wal_pages_ - copied_from_ >= kBackgroundPages) {
      copied_from_ = wal_pages_;
      checkpointer_->wake();
    }
  }
  return {};
}

Status SqliteStore::write(const Batch& batch) {
  {
    internal::Scoped head(run_->check_head);
    CIYUAN_TRY(bool row, head->step());
    if (!row || head->number(0) + 1 != batch.number)
      return Error{
          ErrorCode::kConflict,
          "batch " + std::to_string(batch.number) + " does not follow the stored one: another writer?",
          path_.string()};
  }
  CIYUAN_TRY_STATUS(write_accounts(batch.accounts));
  CIYUAN_TRY_STATUS(write_journal(batch));
  CIYUAN_TRY_STATUS(write_calls(batch));
  CIYUAN_TRY_STATUS(write_log(batch));
  CIYUAN_TRY_STATUS(write_tiles(batch.tiles));
  if (!batch.documents.empty() || !batch.admin.empty()) CIYUAN_TRY_STATUS(write_documents(batch));
  if (!batch.idempotency.empty()) CIYUAN_TRY_STATUS(write_idempotency(batch));
  run_->put_head.bind(batch.number)
      .bind(batch.at.ns)
      .bind(batch.opened_max)
      .bind(batch.log_size)
      .bind_blob(batch.log_root)
      .bind(batch.key_slots);
  return run_->put_head.run();
}

Status SqliteStore::write_accounts(const std::vector<AccountRow>& accounts) {
  std::vector<const AccountRow*> rows;
  rows.reserve(accounts.size());
  for (const AccountRow& row : accounts) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(),
            [](const AccountRow* a, const AccountRow* b) { return a->number < b->number; });
  for (std::size_t from = 0, until; from < rows.size(); from = until) {
    AccountNumber block = internal::block_of(rows[from]->number);
    until = from + 1;
    while (until < rows.size() && internal::block_of(rows[until]->number) == block) ++until;
    CIYUAN_TRY_STATUS(write_block(block, std::span(rows).subspan(from, until - from)));
  }
  // Numbers are given in order, so it is known which ones are new; and what never changes is not sent again.
  for (const AccountRow* row : rows) {
    if (row->number <= accounts_) continue;
    run_->add_account.bind(row->number)
        .bind(std::string_view(row->name))
        .bind(std::string_view(row->unit))
        .bind(row->scale)
        .bind(row->debit_side);
    CIYUAN_TRY_STATUS(run_->add_account.run());
  }
  return {};
}

Status SqliteStore::write_block(AccountNumber block, std::span<const AccountRow* const> rows) {
  std::vector<internal::AccountState> states;
  bool is_new = true;
  {
    internal::Scoped found(run_->find_states);
    found->bind(block);
    CIYUAN_TRY(bool row, found->step());
    is_new = !row;
    if (row) {
      CIYUAN_TRY(states, internal::decode_states(block, text_of(found->view(0))));
    }
  }
  for (const AccountRow* row : rows) {
    std::size_t place = row->number % internal::kBlockAccounts;
    if (states.size() <= place) states.resize(place + 1);
    states[place] = internal::AccountState::of(*row);
  }
  std::string bytes = internal::encode_states(states);
  Statement& put = is_new ? run_->add_states : run_->set_states;
  return put.bind_blob(bytes_of(bytes)).bind(block).run();
}

Status SqliteStore::write_journal(const Batch& batch) {
  for (const EntryRow& row : batch.entries) {
    std::string lines = internal::encode_lines(row.number, row.lines);
    run_->add_entry.bind(row.number)
        .bind(static_cast<int>(row.kind))
        .bind(row.at.ns)
        .bind(row.leaf)
        .bind_blob(row.id.bytes)
        .bind_blob(bytes_of(lines))
        .bind(std::string_view(row.memo));
    CIYUAN_TRY_STATUS(run_->add_entry.run());
    for (const EntryLine& line : row.lines) {
      if (!internal::is_milestone(line.account, row.number)) continue;
      run_->add_milestone.bind(line.account).bind(row.number);
      CIYUAN_TRY_STATUS(run_->add_milestone.run());
    }
  }
  return {};
}

Status SqliteStore::write_calls(const Batch& batch) {
  if (!batch.opened.empty()) {
    std::uint64_t first = batch.opened.front().number;
    std::string calls = internal::encode_calls(batch.opened);
    run_->add_calls.bind(first).bind_blob(bytes_of(calls));
    CIYUAN_TRY_STATUS(run_->add_calls.run());
    open_[first] = batch.opened.size();
  }
  for (const MarkRow& row : batch.marks) {
    run_->put_mark.bind(row.number).bind_blob(bytes_of(row.data));
    CIYUAN_TRY_STATUS(run_->put_mark.run());
    marked_.insert(row.number);
  }
  for (std::uint64_t number : batch.ended) {
    auto row = open_.upper_bound(number);
    CIYUAN_CHECK(row != open_.begin(), "what ends was open");
    if (--(--row)->second == 0) {
      run_->end_calls.bind(row->first);
      CIYUAN_TRY_STATUS(run_->end_calls.run());
      open_.erase(row);
    }
    if (marked_.erase(number) == 0) continue;
    run_->end_mark.bind(number);
    CIYUAN_TRY_STATUS(run_->end_mark.run());
  }
  return {};
}

Result<std::int64_t> SqliteStore::scope_of(const std::string& contract, const std::string& key) {
  std::pair<std::string, std::string> names(contract, key);
  if (auto found = scopes_.find(names); found != scopes_.end()) return found->second;
  for (auto& [known, number] : new_scopes_)
    if (known == names) return number;
  std::int64_t number = 0;
  {
    internal::Scoped find(run_->find_scope);
    find->bind(std::string_view(key)).bind(std::string_view(contract));
    CIYUAN_TRY(bool row, find->step());
    if (row) number = find->integer(0);
  }
  if (number == 0) {
    run_->add_scope.bind(std::string_view(contract)).bind(std::string_view(key));
    CIYUAN_TRY_STATUS(run_->add_scope.run());
    number = sqlite3_last_insert_rowid(database_.get());
  }
  new_scopes_.emplace_back(std::move(names), number);
  return number;
}

Status SqliteStore::write_log(const Batch& batch) {
  for (const RecordRow& row : batch.records) {
    CIYUAN_TRY(std::int64_t scope, scope_of(row.contract, row.key));
    run_->add_record.bind(row.leaf)
        .bind_blob(row.id.bytes)
        .bind(row.at.ns)
        .bind(scope)
        .bind(std::string_view(row.session))
        .bind(std::string_view(row.json));
    row.fields.empty() ? run_->add_record.bind_null() : run_->add_record.bind_blob(bytes_of(row.fields));
    row.key_slot ? run_->add_record.bind(*row.key_slot) : run_->add_record.bind_null();
    CIYUAN_TRY_STATUS(run_->add_record.run());
  }
  for (const LogEntryRow& row : batch.log_entries) {
    run_->add_log_entry.bind(row.leaf).bind_blob(bytes_of(row.entry));
    CIYUAN_TRY_STATUS(run_->add_log_entry.run());
  }
  return {};
}

Status SqliteStore::write_tiles(const std::vector<tlog::TileChange>& tiles) {
  // A tile gets its full size at once and is then written in place: an append touches one page, not the whole
  // tile.
  for (const tlog::TileChange& change : tiles) {
    std::int64_t place = internal::tile_place(change.level, change.index);
    if (change.offset == 0) {
      run_->add_tile.bind(place);
      CIYUAN_TRY_STATUS(run_->add_tile.run());
    }
    sqlite3_blob* blob = nullptr;
    int code = sqlite3_blob_open(database_.get(), "main", "tiles", "data", place, 1, &blob);
    if (code == SQLITE_OK)
      code = sqlite3_blob_write(blob, change.bytes.data(), static_cast<int>(change.bytes.size()),
                                static_cast<int>(change.offset));
    int closed = sqlite3_blob_close(blob);
    if (code == SQLITE_OK) code = closed;
    if (code != SQLITE_OK) return internal::sqlite_error(database_.get(), code, "write a tile");
  }
  return {};
}

Status SqliteStore::write_documents(const Batch& batch) {
  for (const DocumentRow& row : batch.documents) {
    run_->add_document.bind(row.leaf)
        .bind(std::string_view(row.kind))
        .bind(std::string_view(row.name))
        .bind_blob(row.digest)
        .bind(std::string_view(row.json))
        .bind(row.at.ns)
        .bind(std::string_view(row.actor));
    CIYUAN_TRY_STATUS(run_->add_document.run());
  }
  for (const AdminRow& row : batch.admin) {
    run_->add_admin.bind(row.leaf)
        .bind(row.at.ns)
        .bind(std::string_view(row.actor))
        .bind(std::string_view(row.action))
        .bind(std::string_view(row.subject));
    CIYUAN_TRY_STATUS(run_->add_admin.run());
  }
  return {};
}

Status SqliteStore::write_idempotency(const Batch& batch) {
  for (const IdempotencyRow& row : batch.idempotency) {
    run_->put_idempotency.bind(std::string_view(row.key))
        .bind_blob(row.body)
        .bind_blob(row.id.bytes)
        .bind(row.expires.ns);
    CIYUAN_TRY_STATUS(run_->put_idempotency.run());
  }
  // Two away for each one added: the table shrinks to what is alive.
  run_->expire.bind(2 * batch.idempotency.size()).bind(batch.at.ns);
  return run_->expire.run();
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const std::filesystem::path& path) {
  CIYUAN_TRY(WriterLock lock, WriterLock::take(path));
  auto store = std::make_unique<SqliteStore>(path, std::move(lock));
  CIYUAN_TRY_STATUS(store->start());
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Reader>> open_sqlite_reader(const std::filesystem::path& path) {
  // Not SQLITE_OPEN_READONLY: the first reader after a crash has to recover the write-ahead file.
  CIYUAN_TRY(Database database, Database::open(path, SQLITE_OPEN_READWRITE));
  CIYUAN_TRY_STATUS(internal::check_schema(database));
  CIYUAN_TRY_STATUS(
      // Nothing is mapped: a failed read is to be an error, not a signal that ends the process.
      database.execute("PRAGMA query_only = 1; PRAGMA cache_size = -8192; PRAGMA mmap_size = 0"));
  return std::unique_ptr<Reader>(std::make_unique<Queries>(std::move(database)));
}

}  // namespace ciyuan::store
