#include "ledger/sqlite/open_database.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/schema.h"
#include "ledger/sqlite/sqlite_store.h"

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

// The type of the file system that a path lies on, as the table of mounts names it; empty if it
// can't be told.
std::string MountedType(const std::string& path) {
  struct stat status{};
  const auto mounts = base::ReadFile("/proc/self/mountinfo", std::size_t{16} << 20U);
  if (stat(path.c_str(), &status) != 0 || !mounts) {
    return {};
  }
  const std::string device =
      " " + std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev)) + " ";
  const std::size_t line = mounts->find(device);
  const std::size_t type = line == std::string::npos ? line : mounts->find(" - ", line);
  if (type == std::string::npos) {
    return {};
  }
  return mounts->substr(type + 3, mounts->find(' ', type + 3) - type - 3);
}

// Locks, shared memory and syncs of a write-ahead log hold on one machine only, and a file system
// that another machine serves does not keep their promises.
Result<> RequireLocalFileSystem(const std::string& directory) {
  constexpr std::array<std::int64_t, 9> kServed = {
      NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, AFS_SUPER_MAGIC,
      CODA_SUPER_MAGIC, V9FS_MAGIC,      CEPH_SUPER_MAGIC, NCP_SUPER_MAGIC};
  constexpr std::array<std::string_view, 6> kServedByFuse = {
      "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.davfs"};
  struct statfs status{};
  if (statfs(directory.c_str(), &status) != 0) {
    return base::FailErrno("look up the file system");
  }
  const auto type = static_cast<std::int64_t>(status.f_type);
  const bool served =
      std::find(kServed.begin(), kServed.end(), type) != kServed.end() ||
      (type == FUSE_SUPER_MAGIC && std::find(kServedByFuse.begin(), kServedByFuse.end(),
                                             MountedType(directory)) != kServedByFuse.end());
  if (served) {
    return Fail(Errc::kUnsupported, "it lies on a network file system, which can't keep a ledger");
  }
  return {};
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

// The settings that durability stands on, asked back rather than assumed. A new database is given
// its journal mode; one that has another was changed by someone else.
Result<> RequireDurability(Database& database, bool is_new) {
  if (is_new) {
    AEGIS_TRY(database.Execute("PRAGMA journal_mode = WAL"));
  }
  AEGIS_ASSIGN(const std::string journal_mode, database.QueryText("PRAGMA journal_mode"));
  if (journal_mode != "wal") {
    return Fail(
        is_new ? Errc::kUnsupported : Errc::kCorrupt,
        is_new ? "the file system does not support a write-ahead log"
               : "its journal mode was changed to \"" + journal_mode + "\"; it must be \"wal\"");
  }
  AEGIS_ASSIGN(const std::int64_t synchronous, database.QueryInteger("PRAGMA synchronous"));
  AEGIS_ASSIGN(const std::string locking, database.QueryText("PRAGMA locking_mode"));
  if (synchronous != 2 || locking != "normal") {
    return Fail(Errc::kUnsupported, "SQLite does not take the settings that durability needs");
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

Result<Database> OpenChecked(const std::string& given, OpenMode mode) {
  AEGIS_ASSIGN(const std::string path, WithoutLinks(given));
  AEGIS_TRY(RequireLocalFileSystem(path.substr(0, path.rfind('/') + 1)));
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
      AEGIS_TRY(RequireDurability(database, true));
      AEGIS_TRY(CreateSchema(database));
    }
  }
  if (mode != OpenMode::kReadOnly) {
    AEGIS_TRY(UpgradeSchema(database));
  }
  AEGIS_TRY(CheckSchema(database));
  if (mode != OpenMode::kReadOnly) {
    AEGIS_TRY(RequireDurability(database, false));
  }
  sqlite3_busy_timeout(database.handle(), kBusyMilliseconds);
  return database;
}

}  // namespace

Result<Database> OpenDatabase(const std::string& path, OpenMode mode) {
  auto database = OpenChecked(path, mode);
  // Where waiting could be a deadlock (a change of journal mode, a last close) SQLite says busy at
  // once, whatever its timeout.
  for (int attempt = 1;
       attempt < kOpenAttempts && !database && database.error().code() == Errc::kUnavailable;
       ++attempt) {
    std::this_thread::sleep_for(kOpenRetry);
    database = OpenChecked(path, mode);
  }
  if (!database) {
    return Fail(std::move(database).error().Within("open ledger " + base::EscapeName(path)));
  }
  return database;
}

}  // namespace aegis::ledger
