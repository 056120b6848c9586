#pragma once

/// SQLite's C interface with owners and our errors. A Statement belongs to its Database's thread.

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/amount.h"
#include "base/bytes.h"
#include "base/result.h"

namespace ciyuan::store::internal {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A prepared statement: bind from 1 up, step, read columns from 0 up, reset. Errors stick and come out of
/// step().
class Statement {
 public:
  Statement() = default;
  static Result<Statement> prepare(sqlite3* database, std::string_view sql);

  Statement& bind(std::int64_t value) { return note(sqlite3_bind_int64(get(), next_++, value)); }
  Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind(bool value) { return bind(static_cast<std::int64_t>(value)); }
  /// Text and bytes are not copied: they must live until reset().
  Statement& bind(std::string_view text) {
    return note(sqlite3_bind_text64(get(), next_++, text.data() == nullptr ? "" : text.data(), text.size(),
                                    SQLITE_STATIC, SQLITE_UTF8));
  }
  Statement& bind_blob(ByteView bytes) {
    static const std::uint8_t kEmpty = 0;
    return note(sqlite3_bind_blob64(get(), next_++, bytes.empty() ? &kEmpty : bytes.data(), bytes.size(),
                                    SQLITE_STATIC));
  }
  Statement& bind_null() { return note(sqlite3_bind_null(get(), next_++)); }

  /// True: a row is there. False: done.
  Result<bool> step();
  /// Steps a statement that gives no rows, and resets it.
  Status run();
  void reset() {
    sqlite3_reset(get());
    next_ = 1;
    error_ = SQLITE_OK;
  }

  std::int64_t integer(int column) const { return sqlite3_column_int64(get(), column); }
  bool is_null(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string text(int column) const { return std::string(text_of(view(column))); }
  Bytes blob(int column) const {
    ByteView bytes = view(column);
    return Bytes(bytes.begin(), bytes.end());
  }
  /// Valid until the next step or reset.
  ByteView view(int column) const;
  /// An integer, or the decimal text of one beyond 64 bits.
  Result<Amount> amount(int column) const;

 private:
  sqlite3_stmt* get() const { return statement_.get(); }
  Statement& note(int code) {
    if (code != SQLITE_OK) error_ = code;
    return *this;
  }
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
  int next_ = 1;
  int error_ = SQLITE_OK;
};

/// Resets at the end of a scope, so that no read transaction stays open behind an early return.
class Scoped {
 public:
  explicit Scoped(Statement& statement) : statement_(statement) {}
  ~Scoped() { statement_.reset(); }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

class Database {
 public:
  /// `vfs`: its name; null for the system's.
  static Result<Database> open(const std::filesystem::path& path, int flags, const char* vfs = nullptr);
  Status execute(const char* sql) const;
  /// One number out of a query or pragma.
  Result<std::int64_t> number(std::string_view sql) const;
  sqlite3* get() const { return database_.get(); }

 private:
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

/// What SQLite last complained about, in our words.
Error sqlite_error(sqlite3* database, int code, std::string_view doing);

}  // namespace ciyuan::store::internal
