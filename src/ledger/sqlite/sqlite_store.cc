#include "ledger/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/session.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/schema.h"
#include "ledger/sqlite/session_row.h"
#include "ledger/sqlite/snapshot.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// How long an append waits for other writers before it is busy: the caller has other things to do,
// and tries again. Opening waits longer: ten runs may start at once on a ledger not yet made.
constexpr int kBusyMilliseconds = 1000;
constexpr int kOpenBusyMilliseconds = 10000;
constexpr auto kOpenRetry = std::chrono::milliseconds(20);
constexpr int kOpenAttempts = 250;
// Longer values than any that we write are refused by SQLite itself, before they take memory.
constexpr int kMaxValueBytes = 16 << 20;

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(Database database) : database_(std::move(database)) {}

  Result<> Prepare() {
    AEGIS_ASSIGN(insert_entry_,
                 database_.Prepare("INSERT INTO entries (tenant_id, user_id, session_id, seq, "
                                   "ts_unix_ms, event_type, payload, hash, prev_hash) "
                                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
    AEGIS_ASSIGN(insert_session_, database_.Prepare(kInsertSession));
    AEGIS_ASSIGN(update_session_, database_.Prepare(kUpdateSession));
    AEGIS_ASSIGN(find_session_, database_.Prepare(kFindSession));
    return {};
  }

  Result<> Append(std::span<const EntryView> group) override {
    if (group.empty()) {
      return {};
    }
    AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database_, true));
    AEGIS_TRY(MoveHead(group));
    for (const EntryView& entry : group) {
      AEGIS_TRY(Insert(entry));
    }
    return transaction.Commit();
  }

  Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    const ResetGuard guard(find_session_);
    return FindSessionRow(find_session_, session_id);
  }

  Result<std::unique_ptr<Snapshot>> OpenSnapshot() override {
    return OpenSqliteSnapshot(database_);
  }

 private:
  static std::unexpected<base::Error> Conflict(const EntryView& first) {
    return Fail(Errc::kConflict, "append to session " + base::EscapeName(first.session_id) +
                                     " at seq " + std::to_string(first.seq) +
                                     ": its chain stands elsewhere");
  }

  // The head moves only from where the group says it stands, else another writer was first.
  Result<> MoveHead(std::span<const EntryView> group) {
    const EntryView& first = group.front();
    AEGIS_ASSIGN(std::optional<Session> session, FindSession(first.session_id));
    const bool continues =
        session ? first.seq == session->head_seq + 1 && first.prev_hash == session->head_hash
                : first.seq == 0 && !first.prev_hash;
    if (!continues) {
      return Conflict(first);
    }
    const std::optional<Session> before = session;
    if (session) {
      Advance(*session, first);
    } else {
      session = BeginSession(first);
    }
    for (const EntryView& entry : group.subspan(1)) {
      if (entry.session_id != first.session_id || entry.seq != session->head_seq + 1 ||
          entry.prev_hash != session->head_hash) {
        return Fail(Errc::kInternal, "append: the group is no chain");
      }
      Advance(*session, entry);
    }
    Statement& statement = before ? update_session_ : insert_session_;
    AEGIS_TRY(WriteSessionRow(statement, *session, before));
    return database_.changes() == 1 ? Result<>() : Conflict(first);
  }

  Result<> Insert(const EntryView& entry) {
    hash_.clear();
    canon::AppendHex(hash_, entry.hash.view());
    prev_hash_.clear();
    if (entry.prev_hash) {
      canon::AppendBase64(prev_hash_, entry.prev_hash->view());
    }
    insert_entry_.Bind(1, entry.tenant_id)
        .Bind(2, entry.user_id)
        .Bind(3, entry.session_id)
        .Bind(4, static_cast<std::int64_t>(entry.seq))
        .Bind(5, entry.ts_unix_ms)
        .Bind(6, entry.event_type)
        .Bind(7, entry.payload)
        .Bind(8, std::string_view(hash_));
    if (entry.prev_hash) {
      insert_entry_.Bind(9, std::string_view(prev_hash_));
    } else {
      insert_entry_.BindNull(9);
    }
    return insert_entry_.Run();
  }

  Database database_;
  Statement insert_entry_;
  Statement insert_session_;
  Statement update_session_;
  Statement find_session_;
  std::string hash_;
  std::string prev_hash_;
};

// Refuses what SQLite would follow, wait for, or overwrite. True: the file exists.
Result<bool> CheckFile(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<bool>(false)
                           : base::FailErrno("open ledger " + base::EscapeName(path));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(Errc::kInvalid, "not a regular file");
  }
  return true;
}

// A file of our own with our mode: SQLite would use 0644.
Result<> MakeFile(const std::string& path) {
  const auto made = base::Open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!made && made.error().sys_errno() != EEXIST) {
    return Fail(made.error());
  }
  return {};
}

Result<> Configure(Database& database, OpenMode mode) {
  sqlite3* const handle = database.handle();
  sqlite3_busy_timeout(handle, kOpenBusyMilliseconds);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  AEGIS_TRY(
      database.Execute("PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; "
                       "PRAGMA foreign_keys = OFF; PRAGMA mmap_size = 0"));
  if (mode == OpenMode::kReadOnly) {
    return database.Execute("PRAGMA query_only = ON");
  }
  return database.Execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304");
}

// The settings that durability stands on, asked back rather than assumed.
Result<> RequireDurability(Database& database) {
  AEGIS_ASSIGN(const std::string journal_mode, database.QueryText("PRAGMA journal_mode = WAL"));
  AEGIS_ASSIGN(const std::int64_t synchronous, database.QueryInteger("PRAGMA synchronous"));
  if (journal_mode != "wal" || synchronous != 2) {
    return Fail(Errc::kUnsupported, "the file system does not support a write-ahead log");
  }
  return {};
}

// The same file by a path without links: SQLite, told to follow none, would refuse a linked parent.
Result<std::string> WithoutLinks(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  AEGIS_ASSIGN(const std::string directory, base::CanonicalPath(parent));
  return directory + "/" + path.substr(slash == std::string::npos ? 0 : slash + 1);
}

// A path as a URI that promises SQLite an unchanging file, so that it needs no lock beside it.
std::string ImmutableUri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += '%';
      canon::AppendHex(uri, {&c, 1});
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

// Who may not write beside a ledger can't take part in its locking. As long as nobody has it open
// (there is no log beside it) it is read as it lies.
Result<Database> OpenReadOnly(const std::string& path) {
  struct stat status{};
  const bool in_use = lstat((path + "-wal").c_str(), &status) == 0;
  const std::size_t slash = path.rfind('/');
  if (in_use || access(path.substr(0, slash + 1).c_str(), W_OK) == 0) {
    return Database::Open(path, SQLITE_OPEN_READONLY);
  }
  return Database::Open(ImmutableUri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

Result<std::unique_ptr<Store>> OpenChecked(const std::string& given, OpenMode mode) {
  AEGIS_ASSIGN(const std::string path, WithoutLinks(given));
  AEGIS_ASSIGN(const bool exists, CheckFile(path));
  if (!exists) {
    if (mode != OpenMode::kCreate) {
      return Fail(Errc::kNotFound, "no such file");
    }
    AEGIS_TRY(MakeFile(path));
  }
  AEGIS_ASSIGN(Database database, mode == OpenMode::kReadOnly
                                      ? OpenReadOnly(path)
                                      : Database::Open(path, SQLITE_OPEN_READWRITE));
  AEGIS_TRY(Configure(database, mode));
  if (mode == OpenMode::kCreate) {
    AEGIS_ASSIGN(const std::int64_t objects,
                 database.QueryInteger("SELECT count(*) FROM sqlite_schema"));
    AEGIS_ASSIGN(const std::int64_t application, database.QueryInteger("PRAGMA application_id"));
    if (objects == 0 && application == 0) {
      AEGIS_TRY(RequireDurability(database));
      AEGIS_TRY(CreateSchema(database));
    }
  }
  AEGIS_TRY(CheckSchema(database));
  if (mode != OpenMode::kReadOnly) {
    AEGIS_TRY(RequireDurability(database));
  }
  sqlite3_busy_timeout(database.handle(), kBusyMilliseconds);
  auto store = std::make_unique<SqliteStore>(std::move(database));
  AEGIS_TRY(store->Prepare());
  return store;
}

}  // namespace

Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, OpenMode mode) {
  auto store = OpenChecked(path, mode);
  // Where waiting could be a deadlock (a change of journal mode, a last close) SQLite says busy at
  // once, whatever its timeout.
  for (int attempt = 1;
       attempt < kOpenAttempts && !store && store.error().code() == Errc::kUnavailable; ++attempt) {
    std::this_thread::sleep_for(kOpenRetry);
    store = OpenChecked(path, mode);
  }
  if (!store) {
    return Fail(std::move(store).error().Within("open ledger " + base::EscapeName(path)));
  }
  return store;
}

}  // namespace aegis::ledger
