#include "ledger/sqlite/schema.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/sqlite/database.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// SQLite keeps these texts as they stand, so they can be compared.
constexpr std::array<std::string_view, 2> kTables = {
    "CREATE TABLE entries ("
    "id INTEGER PRIMARY KEY, "
    "tenant_id TEXT NOT NULL, "
    "user_id TEXT NOT NULL, "
    "session_id TEXT NOT NULL, "
    "seq INTEGER NOT NULL, "
    "ts_unix_ms INTEGER NOT NULL, "
    "event_type TEXT NOT NULL, "
    "payload TEXT NOT NULL, "
    "hash TEXT NOT NULL, "
    "prev_hash TEXT, "
    "UNIQUE (session_id, seq))",
    "CREATE TABLE sessions ("
    "session_id TEXT NOT NULL PRIMARY KEY, "
    "tenant_id TEXT NOT NULL, "
    "user_id TEXT NOT NULL, "
    "mode TEXT, "
    "command TEXT, "
    "argv TEXT, "
    "config TEXT, "
    "dir TEXT, "
    "tag TEXT, "
    "policy_digest TEXT, "
    "started_ms INTEGER NOT NULL, "
    "ended_ms INTEGER, "
    "exit_code INTEGER, "
    "signal INTEGER, "
    "actions INTEGER NOT NULL, "
    "denials INTEGER NOT NULL, "
    "head_seq INTEGER NOT NULL, "
    "head_hash TEXT NOT NULL)"};

Result<> CheckIdentity(Database& database) {
  AEGIS_ASSIGN(const std::int64_t application, database.QueryInteger("PRAGMA application_id"));
  if (application != kApplicationId) {
    return Fail(Errc::kCorrupt, "not an Aegis ledger");
  }
  AEGIS_ASSIGN(const std::int64_t version, database.QueryInteger("PRAGMA user_version"));
  if (version != kSchemaVersion) {
    return Fail(version > kSchemaVersion ? Errc::kUnsupported : Errc::kCorrupt,
                "an Aegis ledger of another version (" + std::to_string(version) + ")");
  }
  return {};
}

}  // namespace

Result<> CreateSchema(Database& database) {
  AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database, true));
  AEGIS_ASSIGN(const std::int64_t objects,
               database.QueryInteger("SELECT count(*) FROM sqlite_schema"));
  if (objects != 0) {
    return {};  // another process was first, or a foreign file: CheckSchema tells
  }
  for (const std::string_view table : kTables) {
    AEGIS_TRY(database.Execute(std::string(table)));
  }
  AEGIS_TRY(database.Execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  AEGIS_TRY(database.Execute("PRAGMA user_version = " + std::to_string(kSchemaVersion)));
  return transaction.Commit();
}

Result<> CheckSchema(Database& database) {
  AEGIS_TRY(CheckIdentity(database));
  AEGIS_ASSIGN(Statement objects, database.Prepare("SELECT type, sql FROM sqlite_schema "
                                                   "WHERE type != 'index' OR sql IS NOT NULL"));
  std::size_t tables = 0;
  while (true) {
    AEGIS_ASSIGN(const bool row, objects.Step());
    if (!row) {
      break;
    }
    if (std::find(kTables.begin(), kTables.end(), objects.Text(1)) == kTables.end()) {
      return Fail(Errc::kCorrupt, "an Aegis ledger with foreign or changed tables or triggers");
    }
    ++tables;
  }
  if (tables != kTables.size()) {
    return Fail(Errc::kCorrupt, "an Aegis ledger with missing tables");
  }
  return {};
}

}  // namespace aegis::ledger
