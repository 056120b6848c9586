#include "store/memory_store.h"

#include <algorithm>

#include "record/leaf.h"

namespace ciyuan::store {

struct MemoryStore::Data {
  std::mutex mutex;
  Head head{.log_root = tlog::empty_root()};
  std::map<std::string, AccountRow, std::less<>> accounts;
  std::map<AccountNumber, std::string> account_names;
  std::map<EntryNumber, EntryRow> entries;
  std::map<Id, EntryNumber> postings;
  std::map<std::uint64_t, OpenCall> open_calls;
  std::map<std::uint64_t, RecordRow> records;
  std::map<Id, std::uint64_t> record_leaves;
  std::map<std::uint64_t, std::string> log_entries;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;
  std::map<std::string, IdempotencyRow, std::less<>> idempotency;
  std::map<std::uint64_t, DocumentRow> documents;
  std::map<std::uint64_t, AdminRow> admin;

  void apply(const Batch& batch);
};

namespace {

template <class Row>
std::optional<Row> found(const std::map<std::uint64_t, Row>& rows, std::uint64_t key) {
  auto it = rows.find(key);
  return it == rows.end() ? std::nullopt : std::optional<Row>(it->second);
}

class MemoryReader final : public Reader {
 public:
  explicit MemoryReader(std::shared_ptr<MemoryStore::Data> data) : data_(std::move(data)) {}

  Result<Head> head() override { return lock(), data_->head; }

  Result<std::vector<AccountRow>> accounts(std::string_view prefix, std::string_view after,
                                           std::size_t rows_max) override {
    auto guard = lock();
    std::vector<AccountRow> rows;
    for (auto it = data_->accounts.lower_bound(prefix); it != data_->accounts.end() && rows.size() < rows_max;
         ++it) {
      if (!it->first.starts_with(prefix)) break;
      if (it->first > after) rows.push_back(it->second);
    }
    return rows;
  }
  Result<std::optional<AccountRow>> account(std::string_view name) override {
    auto guard = lock();
    auto it = data_->accounts.find(name);
    return it == data_->accounts.end() ? std::nullopt : std::optional<AccountRow>(it->second);
  }
  Result<std::vector<StatementLine>> statement(std::string_view account, EntryNumber before_entry,
                                               TimePoint from, std::size_t rows_max) override {
    auto guard = lock();
    auto it = data_->accounts.find(account);
    if (it == data_->accounts.end())
      return Error{ErrorCode::kNotFound, "no account of this name", std::string(account)};
    std::vector<StatementLine> lines;
    for (auto entry = data_->entries.rbegin(); entry != data_->entries.rend() && lines.size() < rows_max;
         ++entry) {
      const EntryRow& row = entry->second;
      if (row.at < from) break;
      for (const EntryLine& line : row.lines)
        if (line.account == it->second.number && (before_entry == 0 || row.number < before_entry))
          lines.push_back(
              {row.number, row.kind, row.id, row.at, row.leaf, line.amount, line.balance, row.memo});
    }
    return lines;
  }
  Result<BalanceAt> balance_at(std::string_view account, TimePoint at) override {
    auto guard = lock();
    auto it = data_->accounts.find(account);
    if (it == data_->accounts.end())
      return Error{ErrorCode::kNotFound, "no account of this name", std::string(account)};
    for (auto entry = data_->entries.rbegin(); entry != data_->entries.rend(); ++entry)
      for (const EntryLine& line : entry->second.lines)
        if (line.account == it->second.number && entry->second.at <= at)
          return BalanceAt{line.balance, entry->first, entry->second.at};
    return BalanceAt{};
  }
  Result<std::vector<EntryRow>> entries(EntryNumber after, std::size_t rows_max) override {
    auto guard = lock();
    std::vector<EntryRow> rows;
    for (auto it = data_->entries.upper_bound(after); it != data_->entries.end() && rows.size() < rows_max;
         ++it)
      rows.push_back(it->second);
    return rows;
  }
  Result<std::vector<OpenCall>> open_calls() override {
    auto guard = lock();
    std::vector<OpenCall> calls;
    for (const auto& [number, call] : data_->open_calls) calls.push_back(call);
    return calls;
  }
  Result<std::optional<RecordRow>> record(const Id& id) override {
    auto guard = lock();
    auto it = data_->record_leaves.find(id);
    return it == data_->record_leaves.end() ? std::nullopt : found(data_->records, it->second);
  }
  Result<std::optional<RecordRow>> record_at(std::uint64_t leaf) override {
    auto guard = lock();
    return found(data_->records, leaf);
  }
  Result<std::vector<RecordRow>> records(const RecordFilter& filter) override {
    auto guard = lock();
    std::vector<RecordRow> rows;
    auto is_wanted = [](const std::string& wanted, const std::string& is) {
      return wanted.empty() || wanted == is;
    };
    for (auto it = data_->records.rbegin(); it != data_->records.rend() && rows.size() < filter.rows_max;
         ++it) {
      const RecordRow& row = it->second;
      if (is_wanted(filter.contract, row.contract) && is_wanted(filter.key, row.key) &&
          is_wanted(filter.session, row.session) && row.at >= filter.from &&
          (filter.to.ns == 0 || row.at < filter.to) &&
          (filter.before_leaf == 0 || row.leaf < filter.before_leaf))
        rows.push_back(row);
    }
    return rows;
  }
  Result<std::vector<DocumentRow>> documents() override {
    auto guard = lock();
    std::map<std::pair<std::string, std::string>, DocumentRow> newest;
    for (const auto& [leaf, row] : data_->documents) newest[{row.kind, row.name}] = row;
    std::vector<DocumentRow> rows;
    for (auto& [name, row] : newest)
      if (!row.json.empty()) rows.push_back(std::move(row));
    return rows;
  }
  Result<std::vector<DocumentRow>> documents_of(std::string_view kind, std::string_view prefix,
                                                std::string_view after, std::size_t rows_max) override {
    CIYUAN_TRY(std::vector<DocumentRow> all, documents());
    std::vector<DocumentRow> rows;
    for (DocumentRow& row : all)
      if (row.kind == kind && row.name.starts_with(prefix) && row.name > after && rows.size() < rows_max)
        rows.push_back(std::move(row));
    return rows;
  }
  Result<std::vector<DocumentRow>> document_history(std::string_view kind, std::string_view name) override {
    auto guard = lock();
    std::vector<DocumentRow> rows;
    for (auto it = data_->documents.rbegin(); it != data_->documents.rend(); ++it)
      if (it->second.kind == kind && it->second.name == name) rows.push_back(it->second);
    return rows;
  }
  Result<std::optional<DocumentRow>> document_by_digest(const Digest& digest) override {
    auto guard = lock();
    for (const auto& [leaf, row] : data_->documents)
      if (row.digest == digest && !row.json.empty()) return std::optional<DocumentRow>(row);
    return std::optional<DocumentRow>();
  }
  Result<std::vector<AdminRow>> admin_log(std::uint64_t before_leaf, std::size_t rows_max) override {
    auto guard = lock();
    std::vector<AdminRow> rows;
    for (auto it = data_->admin.rbegin(); it != data_->admin.rend() && rows.size() < rows_max; ++it)
      if (before_leaf == 0 || it->first < before_leaf) rows.push_back(it->second);
    return rows;
  }
  Result<std::vector<std::string>> log_entries(std::uint64_t from, std::size_t count) override {
    auto guard = lock();
    std::vector<std::string> entries;
    for (auto it = data_->log_entries.lower_bound(from);
         it != data_->log_entries.end() && entries.size() < count; ++it)
      entries.push_back(it->second);
    return entries;
  }
  Result<Bytes> tile(unsigned level, std::uint64_t index) override {
    auto guard = lock();
    auto it = data_->tiles.find({level, index});
    if (it == data_->tiles.end())
      return Error{ErrorCode::kNotFound, "no tile " + std::to_string(level) + "/" + std::to_string(index),
                   ""};
    return it->second;
  }
  // Not a snapshot: tests that need one use SQLite.
  Status pin() override { return {}; }
  void release() override {}

 private:
  std::unique_lock<std::mutex> lock() { return std::unique_lock(data_->mutex); }
  std::shared_ptr<MemoryStore::Data> data_;
};

Error gone() { return Error{ErrorCode::kUnavailable, "the store is not there (simulated)", "memory"}; }

}  // namespace

void MemoryStore::Data::apply(const Batch& batch) {
  head.batch = batch.number;
  head.at = batch.at;
  head.log_size = batch.log_size;
  head.log_root = batch.log_root;
  head.opened = batch.opened_max;
  head.key_slots = batch.key_slots;
  for (const AccountRow& row : batch.accounts) {
    accounts[row.name] = row;
    account_names[row.number] = row.name;
    head.accounts = std::max(head.accounts, row.number);
  }
  for (const EntryRow& row : batch.entries) {
    CIYUAN_CHECK(entries.emplace(row.number, row).second, "journal entries are never replaced");
    if (row.kind == EntryKind::kPost) postings[row.id] = row.number;
    head.entries = std::max(head.entries, row.number);
  }
  for (const OpenCallRow& row : batch.opened) open_calls[row.number] = OpenCall{row, std::nullopt};
  for (const MarkRow& row : batch.marks)
    if (auto it = open_calls.find(row.number); it != open_calls.end()) it->second.mark = row.data;
  for (std::uint64_t number : batch.ended) open_calls.erase(number);
  for (const RecordRow& row : batch.records) {
    CIYUAN_CHECK(records.emplace(row.leaf, row).second, "records are never replaced");
    CIYUAN_CHECK(record_leaves.emplace(row.id, row.leaf).second, "a call has one record");
    if (!row.fields.empty()) log_entries.emplace(row.leaf, record::entry_of(row.id, row.fields));
  }
  for (const LogEntryRow& row : batch.log_entries)
    CIYUAN_CHECK(log_entries.emplace(row.leaf, row.entry).second, "leaves are never replaced");
  for (const tlog::TileChange& change : batch.tiles) {
    Bytes& tile = tiles[{change.level, change.index}];
    if (tile.size() < change.offset + change.bytes.size()) tile.resize(change.offset + change.bytes.size());
    std::copy(change.bytes.begin(), change.bytes.end(), tile.begin() + change.offset);
  }
  for (const IdempotencyRow& row : batch.idempotency) idempotency[row.key] = row;
  for (const DocumentRow& row : batch.documents) documents[row.leaf] = row;
  for (const AdminRow& row : batch.admin) admin[row.leaf] = row;
}

MemoryStore::MemoryStore()
    : data_(std::make_shared<Data>()), lookups_(std::make_unique<MemoryReader>(data_)) {}
MemoryStore::~MemoryStore() = default;

Status MemoryStore::commit(const Batch& batch) {
  if (broken_ || unavailable_) {
    broken_ = true;
    return gone();
  }
  std::lock_guard guard(data_->mutex);
  if (batch.number != data_->head.batch + 1)
    return Error{ErrorCode::kConflict, "the batch does not follow the stored one", "memory"};
  Fault fault = std::exchange(fault_, Fault::kNone);
  if (fault != Fault::kBeforeEffect) data_->apply(batch);
  if (fault == Fault::kNone) return {};
  broken_ = true;
  return Error{ErrorCode::kUnavailable, "commit failed (simulated)", "memory"};
}

Status MemoryStore::reload() {
  if (unavailable_) return gone();
  broken_ = false;
  return {};
}

Result<Head> MemoryStore::head() { return lookups_->head(); }
Result<std::vector<OpenCall>> MemoryStore::open_calls() { return lookups_->open_calls(); }
Result<std::optional<AccountRow>> MemoryStore::account(std::string_view name) {
  return lookups_->account(name);
}
Result<std::optional<AccountRow>> MemoryStore::account(AccountNumber number) {
  std::string name;
  {
    std::lock_guard guard(data_->mutex);
    auto it = data_->account_names.find(number);
    if (it == data_->account_names.end()) return std::optional<AccountRow>();
    name = it->second;
  }
  return lookups_->account(name);
}
Result<std::optional<RecordRow>> MemoryStore::record(const Id& id) { return lookups_->record(id); }
Result<std::optional<EntryRow>> MemoryStore::posting(const Id& id) {
  std::lock_guard guard(data_->mutex);
  auto it = data_->postings.find(id);
  return it == data_->postings.end() ? std::nullopt : found(data_->entries, it->second);
}
Result<std::optional<TimePoint>> MemoryStore::entry_time(EntryNumber number) {
  std::lock_guard guard(data_->mutex);
  auto it = data_->entries.find(number);
  return it == data_->entries.end() ? std::optional<TimePoint>() : it->second.at;
}
Result<std::optional<IdempotencyRow>> MemoryStore::idempotency(std::string_view key) {
  std::lock_guard guard(data_->mutex);
  auto it = data_->idempotency.find(key);
  return it == data_->idempotency.end() ? std::nullopt : std::optional<IdempotencyRow>(it->second);
}
Result<Bytes> MemoryStore::tile(unsigned level, std::uint64_t index) { return lookups_->tile(level, index); }
Result<std::optional<DocumentRow>> MemoryStore::document(std::string_view kind, std::string_view name) {
  CIYUAN_TRY(std::vector<DocumentRow> history, lookups_->document_history(kind, name));
  return history.empty() ? std::nullopt : std::optional<DocumentRow>(std::move(history.front()));
}
Result<std::unique_ptr<Reader>> MemoryStore::reader() {
  return std::unique_ptr<Reader>(std::make_unique<MemoryReader>(data_));
}

}  // namespace ciyuan::store
