#include "store/internal/schema.h"

#include "store/internal/codec.h"

namespace ciyuan::store::internal {
namespace {

// Integer keys grow at the end of each table, so a batch touches few pages. `leaf` is the index in the log;
// since the clerk's time never goes back, leaf order is time order too, and no index on time is needed.
// The calls that a batch opened are one row, by the number of the first, and go when the last of them ends: a
// row for each call would cost a batch as many insertions and deletions. Which of them have ended, their
// records say.
constexpr const char* kTables = R"sql(
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  batch INTEGER NOT NULL, at INTEGER NOT NULL, opened INTEGER NOT NULL,
  log_size INTEGER NOT NULL, log_root BLOB NOT NULL, key_slots INTEGER NOT NULL DEFAULT 0);
CREATE TABLE accounts (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL, scale INTEGER NOT NULL,
  debit_side INTEGER NOT NULL DEFAULT 0);
CREATE TABLE balances (block INTEGER PRIMARY KEY, states BLOB NOT NULL);
CREATE TABLE entries (
  number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, leaf INTEGER NOT NULL, id BLOB NOT NULL,
  lines BLOB NOT NULL, memo TEXT);
CREATE INDEX postings ON entries (id) WHERE kind = 3;
CREATE TABLE milestones (account INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (account, entry)) WITHOUT ROWID;
CREATE TABLE open_calls (first INTEGER PRIMARY KEY, calls BLOB NOT NULL);
CREATE TABLE marks (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE scopes (number INTEGER PRIMARY KEY, contract TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (key, contract));
CREATE TABLE records (
  leaf INTEGER PRIMARY KEY, id BLOB NOT NULL, at INTEGER NOT NULL, scope INTEGER NOT NULL, session TEXT NOT NULL,
  json TEXT NOT NULL, fields BLOB, key_slot INTEGER);
CREATE UNIQUE INDEX record_ids ON records (id);
CREATE INDEX record_scopes ON records (scope);
CREATE INDEX record_sessions ON records (session);
CREATE TABLE log_entries (leaf INTEGER PRIMARY KEY, entry BLOB NOT NULL);
CREATE TABLE tiles (place INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE idempotency (key TEXT NOT NULL UNIQUE, body BLOB NOT NULL, id BLOB NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE documents (
  leaf INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL, json TEXT NOT NULL,
  at INTEGER NOT NULL, actor TEXT NOT NULL);
CREATE INDEX document_names ON documents (kind, name);
CREATE INDEX document_digests ON documents (digest);
CREATE TABLE admin_log (
  leaf INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL);
INSERT INTO head VALUES (1, 0, 0, 0, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0);
)sql";

// Version 1 did not tell grants from deposits; deposits to a cap were rare, and to anything else the rule.
constexpr const char* kFromVersion1 = R"sql(
ALTER TABLE accounts ADD COLUMN granted NOT NULL DEFAULT 0;
UPDATE accounts SET granted = funded WHERE name GLOB 'cap/*';
)sql";

// Up to version 2 keys were found by their records' ids, and they still are.
constexpr const char* kFromVersion2 = R"sql(
ALTER TABLE head ADD COLUMN key_slots INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN key_slot INTEGER;
)sql";

// Up to version 3 an account had no credit limit, and grew by credits.
constexpr const char* kFromVersion3 = R"sql(
ALTER TABLE accounts ADD COLUMN credit_limit NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN debit_side INTEGER NOT NULL DEFAULT 0;
)sql";

// Up to version 4 a line of long ago was only found by walking to it.
constexpr const char* kFromVersion4 = R"sql(
CREATE TABLE milestones (account INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (account, entry)) WITHOUT ROWID;
)sql";

Status set_milestones(const Database& database) {
  CIYUAN_TRY(Statement entries, Statement::prepare(database.get(), "SELECT number, lines FROM entries"));
  CIYUAN_TRY(Statement add, Statement::prepare(database.get(), "INSERT INTO milestones VALUES (?,?)"));
  for (;;) {
    CIYUAN_TRY(bool row, entries.step());
    if (!row) return {};
    EntryNumber number = entries.number(0);
    CIYUAN_TRY(std::vector<EntryLine> lines, decode_lines(number, text_of(entries.view(1))));
    for (const EntryLine& line : lines) {
      if (!is_milestone(line.account, number)) continue;
      add.bind(line.account).bind(number);
      CIYUAN_TRY_STATUS(add.run());
    }
  }
}

// Up to version 5 an account's state stood in its own row.
constexpr const char* kFromVersion5[] = {
    "CREATE TABLE balances (block INTEGER PRIMARY KEY, states BLOB NOT NULL);",
    "ALTER TABLE accounts DROP COLUMN may_overdraw; ALTER TABLE accounts DROP COLUMN closed;"
    "ALTER TABLE accounts DROP COLUMN debits_posted; ALTER TABLE accounts DROP COLUMN credits_posted;"
    "ALTER TABLE accounts DROP COLUMN funded; ALTER TABLE accounts DROP COLUMN last_entry;"
    "ALTER TABLE accounts DROP COLUMN granted; ALTER TABLE accounts DROP COLUMN credit_limit;"};

Status set_balances(const Database& database) {
  CIYUAN_TRY(
      Statement accounts,
      Statement::prepare(database.get(),
                         "SELECT number, may_overdraw, closed, last_entry, debits_posted, "
                         "credits_posted, funded, granted, credit_limit FROM accounts ORDER BY number"));
  CIYUAN_TRY(Statement put, Statement::prepare(database.get(), "INSERT INTO balances VALUES (?,?)"));
  AccountNumber block = 0;
  std::vector<AccountState> states;
  auto write = [&]() -> Status {
    std::string bytes = encode_states(states);
    states.clear();
    return bytes.empty() ? Status() : put.bind(block).bind_blob(bytes_of(bytes)).run();
  };
  for (;;) {
    CIYUAN_TRY(bool row, accounts.step());
    if (!row || block_of(accounts.number(0)) != block) CIYUAN_TRY_STATUS(write());
    if (!row) return {};
    AccountNumber number = accounts.number(0);
    block = block_of(number);
    states.resize(number % kBlockAccounts + 1);
    AccountState& state = states.back();
    state.may_overdraw = accounts.integer(1) != 0;
    state.closed = accounts.integer(2) != 0;
    state.last_entry = accounts.number(3);
    int column = 4;
    for (Amount* amount :
         {&state.debits_posted, &state.credits_posted, &state.funded, &state.granted, &state.credit_limit}) {
      CIYUAN_TRY(*amount, accounts.amount(column++));
    }
  }
}

Status bring_up_to_date(const Database& database, std::int64_t version) {
  std::string sql;
  if (version <= 1) sql += kFromVersion1;
  if (version <= 2) sql += kFromVersion2;
  if (version <= 3) sql += kFromVersion3;
  if (version <= 4) sql += kFromVersion4;
  sql += kFromVersion5[0];
  CIYUAN_TRY_STATUS(database.execute(sql.c_str()));
  if (version <= 4) CIYUAN_TRY_STATUS(set_milestones(database));
  CIYUAN_TRY_STATUS(set_balances(database));
  return database.execute(kFromVersion5[1]);
}

Error not_ours(const Database& database, std::string message) {
  return Error{ErrorCode::kCorrupt, std::move(message), sqlite3_db_filename(database.get(), "main")};
}

}  // namespace

Result<std::int64_t> schema_version(const Database& database) {
  CIYUAN_TRY(std::int64_t application, database.number("PRAGMA application_id"));
  CIYUAN_TRY(std::int64_t version, database.number("PRAGMA user_version"));
  CIYUAN_TRY(std::int64_t tables, database.number("SELECT count(*) FROM sqlite_master"));
  if (application == 0 && version == 0 && tables == 0)
    return Error{ErrorCode::kNotFound, "the database is empty", sqlite3_db_filename(database.get(), "main")};
  if (application != kApplicationId) return not_ours(database, "a database of another program");
  if (version > kSchemaVersion)
    return not_ours(database, "written by a newer version: schema " + std::to_string(version) +
                                  ", known up to " + std::to_string(kSchemaVersion) +
                                  "; start the newer program");
  if (version < 1) return not_ours(database, "has no schema version");
  return version;
}

Status check_schema(const Database& database) {
  CIYUAN_TRY(std::int64_t version, schema_version(database));
  if (version == kSchemaVersion) return {};
  return Error{ErrorCode::kUnavailable,
               "written by an older version: schema " + std::to_string(version) +
                   "; start the program once to bring it up to date",
               sqlite3_db_filename(database.get(), "main")};
}

Status prepare_schema(const Database& database) {
  Result<std::int64_t> version = schema_version(database);
  if (!version.ok() && version.error().code != ErrorCode::kNotFound) return version.error();
  if (version.ok() && *version == kSchemaVersion) return {};
  CIYUAN_TRY_STATUS(database.execute("BEGIN IMMEDIATE"));
  if (version.ok()) {
    CIYUAN_TRY_STATUS(bring_up_to_date(database, *version));
  } else {
    CIYUAN_TRY_STATUS(database.execute(kTables));
  }
  std::string marks = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                      "; PRAGMA user_version = " + std::to_string(kSchemaVersion);
  CIYUAN_TRY_STATUS(database.execute(marks.c_str()));
  return database.execute("COMMIT");
}

}  // namespace ciyuan::store::internal
