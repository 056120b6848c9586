#include "store/internal/sqlite.h"

#include <cstdlib>

namespace ciyuan::store::internal {
namespace {

ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_TOOBIG:
      return ErrorCode::kTooLarge;
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConflict;
    case SQLITE_MISUSE:
      return ErrorCode::kInternal;
    default:  // full, I/O error, locked, out of memory, read-only: trying later may help
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

Error sqlite_error(sqlite3* database, int code, std::string_view doing) {
  std::string message(doing);
  message += ": ";
  message += sqlite3_errstr(code);
  if (database != nullptr) {
    std::string detail = sqlite3_errmsg(database);
    if (detail != sqlite3_errstr(code)) message += " (" + detail + ")";
  }
  const char* file = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  return Error{code_of(code), std::move(message), file == nullptr ? "" : file};
}

Result<Statement> Statement::prepare(sqlite3* database, std::string_view sql) {
  Statement statement;
  sqlite3_stmt* raw = nullptr;
  int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &raw, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database, code, "prepare");
  statement.statement_.reset(raw);
  return statement;
}

Result<bool> Statement::step() {
  int code = error_ != SQLITE_OK ? error_ : sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(sqlite3_db_handle(get()), code, "database");
}

Status Statement::run() {
  Scoped scope(*this);
  CIYUAN_TRY(bool row, step());
  (void)row;
  return {};
}

ByteView Statement::view(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(get(), column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
}

Result<Amount> Statement::amount(int column) const {
  if (sqlite3_column_type(get(), column) == SQLITE_INTEGER) return Amount(integer(column));
  return from_text(text_of(view(column)));
}

Result<Database> Database::open(const std::filesystem::path& path, int flags, const char* vfs) {
  sqlite3* raw = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, vfs);
  Database database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) {
    Error error = sqlite_error(raw, code, "open");
    if (error.path.empty()) error.path = path.string();
    return error;
  }
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 5000);
  return database;
}

Status Database::execute(const char* sql) const {
  int code = sqlite3_exec(get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(get(), code, "database");
  return {};
}

Result<std::int64_t> Database::number(std::string_view sql) const {
  CIYUAN_TRY(Statement statement, Statement::prepare(get(), sql));
  CIYUAN_TRY(bool row, statement.step());
  return row ? statement.integer(0) : std::int64_t{0};
}

}  // namespace ciyuan::store::internal
