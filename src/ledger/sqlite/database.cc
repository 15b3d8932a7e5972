#include "ledger/sqlite/database.h"

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

Errc CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
      return Errc::kCorrupt;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM:
      return Errc::kExhausted;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return Errc::kDenied;
    case SQLITE_CONSTRAINT:
      return Errc::kConflict;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

base::Error SqliteError(sqlite3* handle, int code) {
  std::string message(sqlite3_errstr(code));
  if (handle != nullptr && sqlite3_extended_errcode(handle) == code) {
    message = sqlite3_errmsg(handle);
  }
  return {CodeOf(code), base::ForDisplay(message),
          handle == nullptr ? 0 : sqlite3_system_errno(handle)};
}

Statement& Statement::Bind(int index, std::int64_t value) {
  bind_failed_ |= sqlite3_bind_int64(statement_.get(), index, value) != SQLITE_OK;
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  const char* const data = text.empty() ? "" : text.data();
  bind_failed_ |= sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_STATIC,
                                      SQLITE_UTF8) != SQLITE_OK;
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  const char* const data = bytes.empty() ? "" : bytes.data();
  bind_failed_ |=
      sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC) != SQLITE_OK;
  return *this;
}

Statement& Statement::BindNull(int index) {
  bind_failed_ |= sqlite3_bind_null(statement_.get(), index) != SQLITE_OK;
  return *this;
}

Result<bool> Statement::Step() {
  sqlite3* const handle = sqlite3_db_handle(statement_.get());
  if (std::exchange(bind_failed_, false)) {
    return Fail(SqliteError(handle, sqlite3_extended_errcode(handle)));
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW || code == SQLITE_DONE) {
    return code == SQLITE_ROW;
  }
  return Fail(SqliteError(handle, sqlite3_extended_errcode(handle)));
}

Result<> Statement::Run() {
  bool more = true;
  while (more) {
    auto row = Step();
    if (!row) {
      Reset();
      return Fail(std::move(row).error());
    }
    more = *row;
  }
  Reset();
  return {};
}

void Statement::Reset() {
  if (statement_ != nullptr) {
    sqlite3_reset(statement_.get());
  }
}

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Text(int column) const {
  // The pointer first: asking for it may convert the value and change its size.
  const void* const data = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

std::string_view Statement::Blob(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

RawValue Statement::Raw(int column) const {
  RawValue value;
  switch (sqlite3_column_type(statement_.get(), column)) {
    case SQLITE_INTEGER:
      value.type = RawValue::Type::kInteger;
      value.integer = Integer(column);
      break;
    case SQLITE_FLOAT:
      value.type = RawValue::Type::kReal;
      break;
    case SQLITE_TEXT:
      value.type = RawValue::Type::kText;
      // The bytes as they lie in the page: Text would copy them, to end them with a zero.
      value.bytes = Blob(column);
      break;
    case SQLITE_BLOB:
      value.type = RawValue::Type::kBlob;
      value.bytes = Blob(column);
      break;
    default:
      break;
  }
  return value;
}

Result<Database> Database::Open(const std::string& path, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                                       SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE,
                                   nullptr);
  Database database;
  database.handle_.reset(handle);
  if (code != SQLITE_OK) {
    return Fail(SqliteError(handle, code));
  }
  return database;
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return Fail(SqliteError(handle_.get(), code));
  }
  return Statement(statement);
}

Result<> Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Result<>() : Fail(SqliteError(handle_.get(), code));
}

Result<std::string> Database::QueryText(std::string_view sql) {
  AEGIS_ASSIGN(Statement statement, Prepare(sql));
  AEGIS_ASSIGN(const bool row, statement.Step());
  return row ? std::string(statement.Text(0)) : std::string();
}

Result<std::int64_t> Database::QueryInteger(std::string_view sql) {
  AEGIS_ASSIGN(Statement statement, Prepare(sql));
  AEGIS_ASSIGN(const bool row, statement.Step());
  return row ? statement.Integer(0) : 0;
}

bool Database::HasMoved() const {
  int moved = 0;
  return sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

Result<Transaction> Transaction::Begin(Database& database, bool writing) {
  AEGIS_TRY(database.Execute(writing ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr && sqlite3_get_autocommit(database_->handle()) == 0) {
    (void)database_->Execute("ROLLBACK");
  }
}

Result<> Transaction::Commit() {
  AEGIS_TRY(database_->Execute("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace aegis::ledger
