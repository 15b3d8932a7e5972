#pragma once

// Internal to aegis::ledger: RAII over SQLite's C interface.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/store.h"

namespace aegis::ledger {

// A prepared statement. Not usable after its database has gone. Texts given to Bind must live until
// Reset.
class Statement {
 public:
  Statement() = default;

  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& BindNull(int index);
  template <typename T>
  Statement& Bind(int index, const std::optional<T>& value) {
    return value ? Bind(index, *value) : BindNull(index);
  }
  // A C string or a bool would silently become something else.
  Statement& Bind(int index, const char* text) = delete;
  Statement& Bind(int index, bool value) = delete;

  // True: a row is there. False: done.
  base::Result<bool> Step();
  // Step to the end, ignoring rows.
  base::Result<> Run();
  void Reset();

  std::int64_t Integer(int column) const;
  std::string_view Text(int column) const;  // valid until the next Step or Reset
  std::string_view Blob(int column) const;  // likewise; the bytes of a value of any type
  RawValue Raw(int column) const;           // likewise

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  bool bind_failed_ = false;
};

// Resets a statement when a scope ends, so that it holds no read transaction open.
class ResetGuard {
 public:
  explicit ResetGuard(Statement& statement) : statement_(statement) {}
  ~ResetGuard() { statement_.Reset(); }
  ResetGuard(const ResetGuard&) = delete;
  ResetGuard& operator=(const ResetGuard&) = delete;

 private:
  Statement& statement_;
};

// One connection. One thread.
class Database {
 public:
  static base::Result<Database> Open(const std::string& path, int flags);

  base::Result<Statement> Prepare(std::string_view sql);
  base::Result<> Execute(const std::string& sql);
  // The first column of the first row of a query.
  base::Result<std::string> QueryText(std::string_view sql);
  base::Result<std::int64_t> QueryInteger(std::string_view sql);

  // Whether its name stands for another file now, or for none: what is written is found by nobody.
  bool HasMoved() const;

  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// The Error for the last failure of a connection; `code` is SQLite's extended result code.
base::Error SqliteError(sqlite3* handle, int code);

// A transaction that is rolled back unless committed.
class Transaction {
 public:
  static base::Result<Transaction> Begin(Database& database, bool writing);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  base::Result<> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace aegis::ledger
