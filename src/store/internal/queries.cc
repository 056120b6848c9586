#include "store/internal/queries.h"

#include <algorithm>
#include <limits>

#include "record/leaf.h"
#include "store/internal/codec.h"

namespace ciyuan::store::internal {
namespace {

constexpr std::size_t kRowsMax = 10'000;  // of one answer, whatever was asked for

std::uint64_t limit_of(std::size_t rows_max) { return std::min(rows_max, kRowsMax); }
std::uint64_t below(std::uint64_t before) {
  return before == 0 ? static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) : before;
}

template <std::size_t N>
std::array<std::uint8_t, N> fixed(ByteView bytes) {
  std::array<std::uint8_t, N> array{};
  std::copy_n(bytes.begin(), std::min(N, bytes.size()), array.begin());
  return array;
}
Id id_in(Statement* row, int column) { return Id{fixed<16>(row->view(column))}; }
TimePoint time_in(Statement* row, int column) { return TimePoint{row->integer(column)}; }

Result<AccountRow> account_in(Statement* row) {
  AccountRow account;
  account.number = row->number(0);
  account.name = row->text(1);
  account.unit = row->text(2);
  account.scale = static_cast<int>(row->integer(3));
  account.debit_side = row->integer(4) != 0;
  AccountNumber block = block_of(account.number);
  CIYUAN_TRY(std::vector<AccountState> states, decode_states(block, text_of(row->view(5))));
  std::size_t place = account.number % kBlockAccounts;
  if (place >= states.size()) return Error{ErrorCode::kCorrupt, "the account has no balance", account.name};
  states[place].put_into(account);
  return account;
}
static_assert(kBlockAccounts == 32, "as the query says");
#define ACCOUNT_COLUMNS                     \
  "number, name, unit, scale, debit_side, " \
  "(SELECT states FROM balances WHERE block = accounts.number / 32)"

Result<EntryRow> entry_in(Statement* row) {
  EntryRow entry;
  entry.number = row->number(0);
  entry.kind = static_cast<EntryKind>(row->integer(1));
  entry.at = time_in(row, 2);
  entry.leaf = row->number(3);
  entry.id = id_in(row, 4);
  CIYUAN_TRY(entry.lines, decode_lines(entry.number, text_of(row->view(5))));
  entry.memo = row->text(6);
  return entry;
}
#define ENTRY_COLUMNS "number, kind, at, leaf, id, lines, memo"

RecordRow record_in(Statement* row) {
  return RecordRow{.leaf = row->number(0),
                   .id = id_in(row, 1),
                   .at = time_in(row, 2),
                   .contract = row->text(3),
                   .key = row->text(4),
                   .session = row->text(5),
                   .json = row->text(6),
                   .key_slot = row->is_null(7) ? std::nullopt : std::optional(row->number(7))};
}
#define RECORD_COLUMNS                                                                                 \
  "records.leaf, records.id, records.at, scopes.contract, scopes.key, records.session, records.json, " \
  "records.key_slot"
#define RECORD_TABLES "records JOIN scopes ON scopes.number = records.scope"

DocumentRow document_in(Statement* row) {
  return DocumentRow{.leaf = row->number(0),
                     .kind = row->text(1),
                     .name = row->text(2),
                     .digest = fixed<32>(row->view(3)),
                     .json = row->text(4),
                     .at = time_in(row, 5),
                     .actor = row->text(6)};
}
#define DOCUMENT_COLUMNS "leaf, kind, name, digest, json, at, actor"

// Runs a bound statement to its end. `read` makes a row or an Error.
template <class Row, class Read>
Result<std::vector<Row>> all(Scoped& statement, Read&& read) {
  std::vector<Row> rows;
  for (;;) {
    CIYUAN_TRY(bool row, statement->step());
    if (!row) return rows;
    Result<Row> one = read(statement.operator->());
    if (!one.ok()) return std::move(one).error();
    rows.push_back(std::move(*one));
  }
}
template <class Row, class Read>
Result<std::optional<Row>> first(Scoped& statement, Read&& read) {
  CIYUAN_TRY(bool row, statement->step());
  if (!row) return std::optional<Row>();
  Result<Row> one = read(statement.operator->());
  if (!one.ok()) return std::move(one).error();
  return std::optional<Row>(std::move(*one));
}

}  // namespace

Result<Statement*> Queries::query(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    CIYUAN_TRY(Statement statement, Statement::prepare(database_, sql));
    found = statements_.emplace(sql, std::move(statement)).first;
  }
  return &found->second;
}

Result<Head> Queries::head() {
  CIYUAN_TRY(Statement * query_,
             query("SELECT batch, at, opened, log_size, log_root, "
                   "(SELECT coalesce(max(number), 0) FROM accounts), "
                   "(SELECT coalesce(max(number), 0) FROM entries), key_slots FROM head"));
  Scoped statement(*query_);
  CIYUAN_TRY(bool row, statement->step());
  if (!row) return Error{ErrorCode::kCorrupt, "the table head is empty", ""};
  Head head;
  head.batch = statement->number(0);
  head.at = TimePoint{statement->integer(1)};
  head.opened = statement->number(2);
  head.log_size = statement->number(3);
  head.log_root = fixed<32>(statement->view(4));
  head.accounts = statement->number(5);
  head.entries = statement->number(6);
  head.key_slots = statement->number(7);
  return head;
}

Result<std::vector<AccountRow>> Queries::accounts(std::string_view prefix, std::string_view after,
                                                  std::size_t rows_max) {
  // Names are compared as bytes, so all names with the prefix lie between it and its successor.
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF) end.pop_back();
  if (!end.empty()) ++end.back();
  CIYUAN_TRY(Statement * query_,
             query("SELECT " ACCOUNT_COLUMNS
                   " FROM accounts WHERE name >= ?1 AND name > ?2 AND (?3 = '' OR name < ?3) "
                   "ORDER BY name LIMIT ?4"));
  Scoped statement(*query_);
  statement->bind(prefix).bind(after).bind(std::string_view(end)).bind(limit_of(rows_max));
  return all<AccountRow>(statement, account_in);
}

Result<std::optional<AccountRow>> Queries::account(std::string_view name) {
  CIYUAN_TRY(Statement * query_, query("SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE name = ?"));
  Scoped statement(*query_);
  statement->bind(name);
  return first<AccountRow>(statement, account_in);
}

Result<std::optional<AccountRow>> Queries::account_numbered(AccountNumber number) {
  CIYUAN_TRY(Statement * query_, query("SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE number = ?"));
  Scoped statement(*query_);
  statement->bind(number);
  return first<AccountRow>(statement, account_in);
}

Result<std::optional<EntryRow>> Queries::entry(EntryNumber number) {
  CIYUAN_TRY(Statement * query_, query("SELECT " ENTRY_COLUMNS " FROM entries WHERE number = ?"));
  Scoped statement(*query_);
  statement->bind(number);
  return first<EntryRow>(statement, entry_in);
}

Result<std::vector<StatementLine>> Queries::statement(std::string_view account_name, EntryNumber before_entry,
                                                      TimePoint from, std::size_t rows_max) {
  CIYUAN_TRY(std::optional<AccountRow> account_row, account(account_name));
  if (!account_row) return Error{ErrorCode::kNotFound, "no account of this name", std::string(account_name)};
  // `before_entry` is an entry of this account, the last of the page before: the chain goes on behind it.
  EntryNumber next = account_row->last_entry;
  bool skip_first = before_entry != 0;
  if (skip_first) next = before_entry;
  std::vector<StatementLine> lines;
  while (next != 0 && lines.size() < limit_of(rows_max)) {
    CIYUAN_TRY(std::optional<EntryRow> row, entry(next));
    if (!row) return Error{ErrorCode::kCorrupt, "the journal lacks entry " + std::to_string(next), ""};
    auto line = std::find_if(row->lines.begin(), row->lines.end(),
                             [&](const EntryLine& other) { return other.account == account_row->number; });
    if (line == row->lines.end())
      return invalid("before_entry", "entry " + std::to_string(next) + " is not one of this account");
    if (row->at < from) break;
    if (!skip_first)
      lines.push_back(
          {row->number, row->kind, row->id, row->at, row->leaf, line->amount, line->balance, row->memo});
    skip_first = false;
    next = line->previous;
  }
  return lines;
}

Result<std::optional<TimePoint>> Queries::entry_time(EntryNumber number) {
  CIYUAN_TRY(Statement * query_, query("SELECT at FROM entries WHERE number = ?"));
  Scoped statement(*query_);
  statement->bind(number);
  CIYUAN_TRY(bool row, statement->step());
  return row ? std::optional(TimePoint{statement->integer(0)}) : std::nullopt;
}

Result<EntryNumber> Queries::last_entry_until(TimePoint at, EntryNumber entries) {
  // Entries are numbered in the order of their times, without gaps.
  CIYUAN_TRY(Statement * query_, query("SELECT at FROM entries WHERE number = ?"));
  EntryNumber low = 0, high = entries;
  while (low < high) {
    EntryNumber middle = high - (high - low) / 2;
    Scoped statement(*query_);
    statement->bind(middle);
    CIYUAN_TRY(bool row, statement->step());
    if (!row) return Error{ErrorCode::kCorrupt, "the journal lacks entry " + std::to_string(middle), ""};
    if (statement->integer(0) <= at.ns)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

Result<BalanceAt> Queries::balance_at(std::string_view account_name, TimePoint at) {
  // The head before the account: what is committed between the two is then later than `last`, and passed
  // over.
  CIYUAN_TRY(Head newest, head());
  CIYUAN_TRY(std::optional<AccountRow> account_row, account(account_name));
  if (!account_row) return Error{ErrorCode::kNotFound, "no account of this name", std::string(account_name)};
  CIYUAN_TRY(EntryNumber last, last_entry_until(at, newest.entries));
  EntryNumber next = account_row->last_entry;
  if (next > last) {
    CIYUAN_TRY(Statement * query_, query("SELECT entry FROM milestones WHERE account = ? AND entry > ? ORDER "
                                         "BY entry LIMIT 1"));
    Scoped statement(*query_);
    statement->bind(account_row->number).bind(last);
    CIYUAN_TRY(bool row, statement->step());
    if (row) next = statement->number(0);
  }
  while (next != 0) {
    CIYUAN_TRY(std::optional<EntryRow> row, entry(next));
    if (!row) return Error{ErrorCode::kCorrupt, "the journal lacks entry " + std::to_string(next), ""};
    auto line = std::find_if(row->lines.begin(), row->lines.end(),
                             [&](const EntryLine& other) { return other.account == account_row->number; });
    if (line == row->lines.end() || line->previous >= next)
      return Error{ErrorCode::kCorrupt, "the chain of entries breaks at entry " + std::to_string(next),
                   std::string(account_name)};
    if (next <= last) return BalanceAt{line->balance, row->number, row->at};
    next = line->previous;
  }
  return BalanceAt{};
}

Result<std::vector<EntryRow>> Queries::entries(EntryNumber after, std::size_t rows_max) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " ENTRY_COLUMNS " FROM entries WHERE number > ? ORDER BY number LIMIT ?"));
  Scoped statement(*query_);
  statement->bind(after).bind(limit_of(rows_max));
  return all<EntryRow>(statement, entry_in);
}

Result<std::optional<EntryRow>> Queries::posting(const Id& id) {
  CIYUAN_TRY(Statement * query_, query("SELECT " ENTRY_COLUMNS " FROM entries WHERE id = ? AND kind = 3"));
  Scoped statement(*query_);
  statement->bind_blob(id.bytes);
  return first<EntryRow>(statement, entry_in);
}

Result<std::vector<OpenCall>> Queries::open_calls() {
  std::vector<OpenCall> calls;
  {
    CIYUAN_TRY(Statement * query_, query("SELECT first, calls FROM open_calls ORDER BY first"));
    Scoped statement(*query_);
    for (;;) {
      CIYUAN_TRY(bool row, statement->step());
      if (!row) break;
      CIYUAN_TRY(std::vector<OpenCallRow> opened,
                 decode_calls(statement->number(0), text_of(statement->view(1))));
      for (OpenCallRow& call : opened) calls.push_back({std::move(call), std::nullopt});
    }
  }
  CIYUAN_TRY(Statement * ended_, query("SELECT 1 FROM records WHERE id = ?"));
  CIYUAN_TRY(Statement * mark_, query("SELECT data FROM marks WHERE number = ?"));
  std::size_t open = 0;
  for (OpenCall& call : calls) {
    Scoped ended(*ended_), mark(*mark_);
    ended->bind_blob(call.call.id.bytes);
    CIYUAN_TRY(bool has_record, ended->step());
    if (has_record) continue;
    mark->bind(call.call.number);
    CIYUAN_TRY(bool has_mark, mark->step());
    if (has_mark) call.mark = mark->text(0);
    if (&calls[open] != &call) calls[open] = std::move(call);
    ++open;
  }
  calls.resize(open);
  return calls;
}

Result<std::optional<RecordRow>> Queries::record(const Id& id) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " RECORD_COLUMNS " FROM " RECORD_TABLES " WHERE records.id = ?"));
  Scoped statement(*query_);
  statement->bind_blob(id.bytes);
  return first<RecordRow>(statement, [](Statement* row) -> Result<RecordRow> { return record_in(row); });
}

Result<std::optional<RecordRow>> Queries::record_at(std::uint64_t leaf) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " RECORD_COLUMNS " FROM " RECORD_TABLES " WHERE records.leaf = ?"));
  Scoped statement(*query_);
  statement->bind(leaf);
  return first<RecordRow>(statement, [](Statement* row) -> Result<RecordRow> { return record_in(row); });
}

Result<std::uint64_t> Queries::first_leaf_from(TimePoint time, std::uint64_t log_size) {
  // Leaves are in the order of closing, so their times only grow.
  std::uint64_t low = 0, high = log_size;
  while (low < high) {
    std::uint64_t middle = low + (high - low) / 2;
    CIYUAN_TRY(Statement * query_,
               query("SELECT leaf, at FROM records WHERE leaf >= ? ORDER BY leaf LIMIT 1"));
    Scoped statement(*query_);
    statement->bind(middle);
    CIYUAN_TRY(bool row, statement->step());
    if (row && statement->integer(1) < time.ns)
      low = statement->number(0) + 1;
    else
      high = middle;
  }
  return low;
}

Result<std::vector<RecordRow>> Queries::records(const RecordFilter& filter) {
  std::uint64_t from = 0, before = below(filter.before_leaf);
  if (filter.from.ns != 0 || filter.to.ns != 0) {
    CIYUAN_TRY(Head at, head());
    if (filter.from.ns != 0) {
      CIYUAN_TRY(from, first_leaf_from(filter.from, at.log_size));
    }
    if (filter.to.ns != 0) {
      CIYUAN_TRY(std::uint64_t end, first_leaf_from(filter.to, at.log_size));
      before = std::min(before, end);
    }
  }
#define PAGE " AND records.leaf >= ?1 AND records.leaf < ?2 ORDER BY records.leaf DESC LIMIT ?3"
  // The unary plus keeps SQLite from another index than the one that fits best.
  const char* sql = !filter.session.empty() ? "SELECT " RECORD_COLUMNS " FROM " RECORD_TABLES
                                              " WHERE records.session = ?6 AND (?4 = '' OR "
                                              "+scopes.contract = ?4) AND (?5 = '' OR +scopes.key = ?5)" PAGE
                    : !filter.key.empty()
                        ? "SELECT " RECORD_COLUMNS " FROM " RECORD_TABLES
                          " WHERE records.scope IN (SELECT number FROM scopes WHERE "
                          "key = ?5 AND (?4 = '' OR contract = ?4)) AND ?6 = ''" PAGE
                        : "SELECT " RECORD_COLUMNS
                          " FROM records CROSS JOIN scopes ON scopes.number = records.scope WHERE (?4 = '' "
                          "OR scopes.contract = ?4) AND ?5 = '' AND ?6 = ''" PAGE;
#undef PAGE
  CIYUAN_TRY(Statement * query_, query(sql));
  Scoped statement(*query_);
  statement->bind(from)
      .bind(before)
      .bind(limit_of(filter.rows_max))
      .bind(std::string_view(filter.contract))
      .bind(std::string_view(filter.key))
      .bind(std::string_view(filter.session));
  return all<RecordRow>(statement, [](Statement* row) -> Result<RecordRow> { return record_in(row); });
}

Result<std::vector<DocumentRow>> Queries::documents() {
  CIYUAN_TRY(
      Statement * query_,
      query("SELECT " DOCUMENT_COLUMNS " FROM documents AS one WHERE json <> '' AND leaf = (SELECT max(leaf) "
            "FROM documents WHERE kind = one.kind AND name = one.name) ORDER BY kind, name"));
  Scoped statement(*query_);
  return all<DocumentRow>(statement, [](Statement* row) -> Result<DocumentRow> { return document_in(row); });
}

Result<std::vector<DocumentRow>> Queries::documents_of(std::string_view kind, std::string_view prefix,
                                                       std::string_view after, std::size_t rows_max) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " DOCUMENT_COLUMNS
                   " FROM documents AS one WHERE kind = ?1 AND name > ?3 AND name >= ?2 AND "
                   "substr(name, 1, length(?2)) = ?2 AND json <> '' AND leaf = (SELECT max(leaf) FROM "
                   "documents WHERE kind = one.kind AND name = one.name) ORDER BY name LIMIT ?4"));
  Scoped statement(*query_);
  statement->bind(kind).bind(prefix).bind(after).bind(limit_of(rows_max));
  return all<DocumentRow>(statement, [](Statement* row) -> Result<DocumentRow> { return document_in(row); });
}

Result<std::vector<DocumentRow>> Queries::document_history(std::string_view kind, std::string_view name) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " DOCUMENT_COLUMNS
                   " FROM documents WHERE kind = ? AND name = ? ORDER BY leaf DESC LIMIT 10000"));
  Scoped statement(*query_);
  statement->bind(kind).bind(name);
  return all<DocumentRow>(statement, [](Statement* row) -> Result<DocumentRow> { return document_in(row); });
}

Result<std::optional<DocumentRow>> Queries::document(std::string_view kind, std::string_view name) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " DOCUMENT_COLUMNS
                   " FROM documents WHERE kind = ? AND name = ? ORDER BY leaf DESC LIMIT 1"));
  Scoped statement(*query_);
  statement->bind(kind).bind(name);
  return first<DocumentRow>(statement,
                            [](Statement* row) -> Result<DocumentRow> { return document_in(row); });
}

Result<std::optional<DocumentRow>> Queries::document_by_digest(const Digest& digest) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT " DOCUMENT_COLUMNS " FROM documents WHERE digest = ? AND json <> '' LIMIT 1"));
  Scoped statement(*query_);
  statement->bind_blob(digest);
  return first<DocumentRow>(statement,
                            [](Statement* row) -> Result<DocumentRow> { return document_in(row); });
}

Result<std::vector<AdminRow>> Queries::admin_log(std::uint64_t before_leaf, std::size_t rows_max) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT leaf, at, actor, action, subject FROM admin_log WHERE leaf < ? "
                   "ORDER BY leaf DESC LIMIT ?"));
  Scoped statement(*query_);
  statement->bind(below(before_leaf)).bind(limit_of(rows_max));
  return all<AdminRow>(statement, [](Statement* row) -> Result<AdminRow> {
    return AdminRow{row->number(0), time_in(row, 1), row->text(2), row->text(3), row->text(4)};
  });
}

Result<std::vector<std::string>> Queries::log_entries(std::uint64_t from, std::size_t count) {
  CIYUAN_TRY(Statement * query_,
             query("SELECT leaf, entry, NULL FROM log_entries WHERE leaf >= ?1 UNION ALL SELECT leaf, "
                   "fields, id FROM records WHERE leaf >= ?1 AND fields IS NOT NULL ORDER BY leaf LIMIT ?2"));
  Scoped statement(*query_);
  statement->bind(from).bind(limit_of(count));
  return all<std::string>(statement, [](Statement* row) -> Result<std::string> {
    if (row->view(2).empty()) return row->text(1);
    if (!record::are_fields(row->view(1).size()))
      return Error{ErrorCode::kCorrupt,
                   "the digests of leaf " + std::to_string(row->number(0)) + " are damaged", ""};
    return record::entry_of(id_in(row, 2), text_of(row->view(1)));
  });
}

Result<Bytes> Queries::tile(unsigned level, std::uint64_t index) {
  // A tile is stored at its full size from the beginning; how much of it is filled follows from the log's
  // size.
  CIYUAN_TRY(Statement * query_,
             query("SELECT data, (SELECT log_size FROM head) FROM tiles WHERE place = ?"));
  Scoped statement(*query_);
  statement->bind(tile_place(level, index));
  CIYUAN_TRY(bool row, statement->step());
  std::uint32_t width = row ? tlog::tile_width(level, index, statement->number(1)) : 0;
  if (width == 0)
    return Error{ErrorCode::kNotFound, "no tile " + std::to_string(level) + "/" + std::to_string(index), ""};
  Bytes bytes = statement->blob(0);
  if (bytes.size() < width * tlog::kHashBytes)
    return Error{ErrorCode::kCorrupt, "a stored tile is too short", ""};
  bytes.resize(width * tlog::kHashBytes);
  return bytes;
}

Result<std::optional<IdempotencyRow>> Queries::idempotency(std::string_view key) {
  CIYUAN_TRY(Statement * query_, query("SELECT body, id, expires FROM idempotency WHERE key = ?"));
  Scoped statement(*query_);
  statement->bind(key);
  return first<IdempotencyRow>(statement, [&](Statement* row) -> Result<IdempotencyRow> {
    return IdempotencyRow{std::string(key), fixed<32>(row->view(0)), id_in(row, 1), time_in(row, 2)};
  });
}

Status Queries::pin() {
  CIYUAN_TRY(Statement * begin, query("BEGIN"));
  CIYUAN_TRY_STATUS(begin->run());
  // BEGIN alone takes no snapshot: the first read does.
  Result<Head> first = head();
  if (first.ok()) return {};
  release();  // or no later BEGIN would work
  return first.error();
}

void Queries::release() {
  auto commit = query("COMMIT");
  if (commit.ok()) (void)(*commit)->run();
  // A failed read may make COMMIT fail too.
  auto rollback = query("ROLLBACK");
  if (sqlite3_get_autocommit(database_) == 0 && rollback.ok()) (void)(*rollback)->run();
}

}  // namespace ciyuan::store::internal
