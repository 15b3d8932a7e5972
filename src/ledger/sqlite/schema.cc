#include "ledger/sqlite/schema.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
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
constexpr std::array<std::string_view, 8> kTables = {
    "CREATE TABLE entries ("
    "id INTEGER PRIMARY KEY, "
    "tenant_id TEXT NOT NULL, "
    "user_id TEXT, "
    "session_id TEXT NOT NULL, "
    "seq INTEGER NOT NULL, "
    "ts_unix_ms INTEGER, "
    "event_type TEXT, "
    "payload TEXT, "
    "hash BLOB NOT NULL, "
    "prev_hash BLOB)",
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
    "erased INTEGER NOT NULL, "
    "head_seq INTEGER NOT NULL, "
    "head_hash BLOB NOT NULL, "
    "first_id INTEGER NOT NULL, "
    "last_id INTEGER NOT NULL)",
    "CREATE TABLE tree (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, nodes BLOB NOT NULL)",
    "CREATE TABLE tiles (level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, "
    "PRIMARY KEY (level, number)) WITHOUT ROWID",
    "CREATE TABLE blocks (number INTEGER PRIMARY KEY, min_ms INTEGER, max_ms INTEGER, "
    "terms BLOB NOT NULL, denials BLOB NOT NULL, grams3 BLOB NOT NULL, grams5 BLOB NOT NULL, "
    "grams8 BLOB NOT NULL)",
    "CREATE TABLE keys (id INTEGER PRIMARY KEY, role TEXT NOT NULL, verifier TEXT NOT NULL, "
    "endorsement TEXT NOT NULL)",
    "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL)",
    "CREATE TABLE policies (digest TEXT NOT NULL, position INTEGER NOT NULL, file TEXT, text TEXT, "
    "PRIMARY KEY (digest, position)) WITHOUT ROWID"};

// The version before had all tables but the last.
constexpr std::int64_t kWithoutPolicies = 2;

Result<std::int64_t> CheckIdentity(Database& database) {
  AEGIS_ASSIGN(const std::int64_t application, database.QueryInteger("PRAGMA application_id"));
  if (application != kApplicationId) {
    return Fail(Errc::kCorrupt, "not an Aegis ledger");
  }
  AEGIS_ASSIGN(const std::int64_t version, database.QueryInteger("PRAGMA user_version"));
  if (version != kSchemaVersion && version != kWithoutPolicies) {
    return Fail(version > kSchemaVersion ? Errc::kUnsupported : Errc::kCorrupt,
                "an Aegis ledger of another version (" + std::to_string(version) + ")");
  }
  return version;
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
  AEGIS_TRY(database.Execute("INSERT INTO tree (id, size, nodes) VALUES (1, 0, x'')"));
  AEGIS_TRY(database.Execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  AEGIS_TRY(database.Execute("PRAGMA user_version = " + std::to_string(kSchemaVersion)));
  return transaction.Commit();
}

Result<> UpgradeSchema(Database& database) {
  AEGIS_ASSIGN(const std::int64_t seen, database.QueryInteger("PRAGMA user_version"));
  if (seen != kWithoutPolicies) {
    return {};
  }
  AEGIS_TRY(CheckSchema(database));
  AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database, true));
  AEGIS_ASSIGN(const std::int64_t version, database.QueryInteger("PRAGMA user_version"));
  if (version != kWithoutPolicies) {
    return {};  // another process was first
  }
  AEGIS_TRY(database.Execute(std::string(kTables.back())));
  AEGIS_TRY(database.Execute("PRAGMA user_version = " + std::to_string(kSchemaVersion)));
  return transaction.Commit();
}

Result<> CheckSchema(Database& database) {
  AEGIS_ASSIGN(const std::int64_t version, CheckIdentity(database));
  const std::span known =
      std::span(kTables).first(kTables.size() - (version == kWithoutPolicies ? 1 : 0));
  AEGIS_ASSIGN(Statement objects, database.Prepare("SELECT type, sql FROM sqlite_schema "
                                                   "WHERE type != 'index' OR sql IS NOT NULL"));
  std::size_t tables = 0;
  while (true) {
    AEGIS_ASSIGN(const bool row, objects.Step());
    if (!row) {
      break;
    }
    if (std::ranges::find(known, objects.Text(1)) == known.end()) {
      return Fail(Errc::kCorrupt, "an Aegis ledger with foreign or changed tables or triggers");
    }
    ++tables;
  }
  if (tables != known.size()) {
    return Fail(Errc::kCorrupt, "an Aegis ledger with missing tables");
  }
  return {};
}

}  // namespace aegis::ledger
