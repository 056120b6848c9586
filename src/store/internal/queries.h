#pragma once

/// All reading of the SQLite database, for readers and for the writer's lookups. Statements are prepared at
/// their first use and kept.

#include <unordered_map>

#include "store/internal/sqlite.h"
#include "store/store.h"

namespace ciyuan::store::internal {

class Queries final : public Reader {
 public:
  explicit Queries(Database database) : owned_(std::move(database)), database_(owned_.get()) {}
  /// On a connection of somebody else's.
  explicit Queries(sqlite3* database) : database_(database) {}

  Result<Head> head() override;
  Result<std::vector<AccountRow>> accounts(std::string_view prefix, std::string_view after,
                                           std::size_t rows_max) override;
  Result<std::optional<AccountRow>> account(std::string_view name) override;
  Result<std::optional<AccountRow>> account_numbered(AccountNumber number);
  Result<std::vector<StatementLine>> statement(std::string_view account, EntryNumber before_entry,
                                               TimePoint from, std::size_t rows_max) override;
  Result<BalanceAt> balance_at(std::string_view account, TimePoint at) override;
  Result<std::vector<EntryRow>> entries(EntryNumber after, std::size_t rows_max) override;
  Result<std::vector<OpenCall>> open_calls() override;
  Result<std::optional<RecordRow>> record(const Id& id) override;
  Result<std::optional<RecordRow>> record_at(std::uint64_t leaf) override;
  Result<std::vector<RecordRow>> records(const RecordFilter& filter) override;
  Result<std::vector<DocumentRow>> documents() override;
  Result<std::vector<DocumentRow>> documents_of(std::string_view kind, std::string_view prefix,
                                                std::string_view after, std::size_t rows_max) override;
  Result<std::vector<DocumentRow>> document_history(std::string_view kind, std::string_view name) override;
  Result<std::optional<DocumentRow>> document_by_digest(const Digest& digest) override;
  Result<std::optional<DocumentRow>> document(std::string_view kind, std::string_view name);
  Result<std::vector<AdminRow>> admin_log(std::uint64_t before_leaf, std::size_t rows_max) override;
  Result<std::vector<std::string>> log_entries(std::uint64_t from, std::size_t count) override;
  Result<Bytes> tile(unsigned level, std::uint64_t index) override;
  Result<std::optional<EntryRow>> posting(const Id& id);
  Result<std::optional<TimePoint>> entry_time(EntryNumber number);
  Result<std::optional<IdempotencyRow>> idempotency(std::string_view key);
  Status pin() override;
  void release() override;

 private:
  Result<Statement*> query(const char* sql);
  Result<std::optional<EntryRow>> entry(EntryNumber number);
  /// The last entry of time `at` or before, of the first `entries`; 0: there is none.
  Result<EntryNumber> last_entry_until(TimePoint at, EntryNumber entries);
  /// The first leaf whose record was closed at `time` or later; the log's size where there is none.
  Result<std::uint64_t> first_leaf_from(TimePoint time, std::uint64_t log_size);

  Database owned_;
  sqlite3* database_;
  std::unordered_map<const char*, Statement> statements_;  ///< by address: each text is one literal
};

/// A tile's place as a table key.
constexpr std::int64_t tile_place(unsigned level, std::uint64_t index) {
  return static_cast<std::int64_t>(std::uint64_t{level} << 56 | index);
}

}  // namespace ciyuan::store::internal
