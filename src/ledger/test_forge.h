#pragma once

// Helpers of tests that make, copy and forge whole ledgers.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {

// A hand on the database that asks nobody.
class Tamper {
 public:
  explicit Tamper(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), 0);
    Do("PRAGMA synchronous = OFF");
  }
  ~Tamper() { sqlite3_close(handle_); }
  Tamper(const Tamper&) = delete;
  Tamper& operator=(const Tamper&) = delete;

  void Do(const std::string& sql) {
    const auto error = Try(sql);
    EXPECT_EQ(error, std::nullopt) << sql << ": " << error.value_or("");
  }
  // What SQLite says against it.
  std::optional<std::string> Try(const std::string& sql) {
    char* error = nullptr;
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &error);
    std::optional<std::string> text;
    if (code != SQLITE_OK) {
      text = error != nullptr ? error : "error " + std::to_string(code);
    }
    sqlite3_free(error);
    return text;
  }
  // Rows of values as SQLite would quote them.
  std::vector<std::vector<std::string>> Rows(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql;
    std::vector<std::vector<std::string>> rows;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      auto& row = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const void* const bytes = sqlite3_column_blob(statement, i);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
        row.emplace_back(bytes == nullptr ? "" : static_cast<const char*>(bytes), size);
      }
    }
    sqlite3_finalize(statement);
    return rows;
  }

 private:
  sqlite3* handle_ = nullptr;
};

// Makes entries that continue their sessions, without a journal.
class EntryMaker {
 public:
  // Fills in where the entry stands in its session, and its hash.
  void Seal(Entry& entry) {
    Head& head = heads_[entry.identity.session_id];
    entry.seq = head.next_seq++;
    entry.prev_hash = entry.seq > 0 ? std::optional(head.hash) : std::nullopt;
    entry.hash = HashEntry(hasher_, entry.view(), scratch_);
    head.hash = entry.hash;
  }
  void Add(const std::string& session_id, std::string_view event_type, std::string_view payload) {
    Entry& entry = entries_.emplace_back();
    entry.identity = TestIdentity(session_id);
    entry.ts_unix_ms = 1700000000000 + static_cast<std::int64_t>(entries_.size());
    entry.event_type = event_type;
    entry.payload = payload;
    Seal(entry);
  }
  std::vector<Entry>& entries() { return entries_; }

 private:
  struct Head {
    std::uint64_t next_seq = 0;
    canon::Sha256 hash{};
  };
  std::map<std::string, Head> heads_;
  std::vector<Entry> entries_;
  canon::Sha256Hasher hasher_;
  std::string scratch_;
};

// Appends entries as they are, in few transactions.
inline void StoreAll(Store& store, std::span<const Entry> entries) {
  constexpr std::size_t kGroup = 20000;
  for (std::size_t first = 0; first < entries.size(); first += kGroup) {
    std::vector<EntryView> views;
    for (const Entry& entry : entries.subspan(first, std::min(kGroup, entries.size() - first))) {
      views.push_back(entry.view());
    }
    Get(store.Append(views));
  }
}

inline Entry Owned(const EntryView& view) {
  return {.identity = {.tenant_id = std::string(view.tenant_id),
                       .user_id = std::string(view.user_id),
                       .session_id = std::string(view.session_id)},
          .seq = view.seq,
          .ts_unix_ms = view.ts_unix_ms,
          .event_type = std::string(view.event_type),
          .payload = std::string(view.payload),
          .prev_hash = view.prev_hash,
          .hash = view.hash};
}

inline std::vector<Entry> EntriesOf(const std::string& directory) {
  Ledger ledger = Get(Ledger::Open(directory, Ledger::Mode::kRead));
  std::vector<Entry> entries;
  Get(ledger.Query({}, [&entries](const EntryView& view) -> base::Result<bool> {
    entries.push_back(Owned(view));
    return true;
  }));
  return entries;
}

// Numbers and links the entries of each session anew, and recomputes every hash.
inline void Reseal(std::vector<Entry>& entries) {
  EntryMaker maker;
  for (Entry& entry : entries) {
    maker.Seal(entry);
  }
}

// A directory with sessions that each ended with a signed checkpoint, noted as a run does it.
class SignedLedger {
 public:
  explicit SignedLedger(const std::vector<std::string>& sessions, int entries = 10) {
    for (const std::string& id : sessions) {
      AddSession(id, entries);
    }
  }

  // The checkpoint after it.
  StoredCheckpoint AddSession(const std::string& id, int entries = 10) {
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
    FilledLedger::AddSession(ledger, id, entries);
    return Get(ledger.CheckpointAll());
  }
  std::string KeyText() {
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
    return Get(ledger.Signer())->verifier().Text();
  }
  VerifyReport Verify(const VerifyOptions& options = {}) {
    return Get(Get(Ledger::Open(directory.path(), Ledger::Mode::kRead)).Verify(options));
  }

  // Replaces the store by one that holds these entries, made by the store itself: entries,
  // sessions, tree and tiles agree. Keys and checkpoints stay; `keep` says which of these.
  void Rebuild(std::span<const Entry> entries, const std::string& keep = "1") {
    const std::string old = database() + ".old";
    std::filesystem::rename(database(), old);
    StoreAll(*Get(OpenSqliteStore(database(), OpenMode::kCreate)), entries);
    Tamper tamper(database());
    tamper.Do("ATTACH '" + old + "' AS old; INSERT INTO keys SELECT * FROM old.keys; " +
              "INSERT INTO checkpoints SELECT * FROM old.checkpoints WHERE " + keep +
              "; DETACH old");
    std::filesystem::remove(old);
  }

  std::string database() const { return directory.File("audit.db"); }
  std::string noted() const { return directory.File("checkpoint"); }
  TempDirectory directory;
};

// A checkpoint that somebody kept.
inline VerifyOptions Against(const StoredCheckpoint& checkpoint) {
  VerifyOptions options;
  options.kept.push_back({.note = checkpoint.note, .from = "kept"});
  return options;
}

// Copies all of a directory into another, which is emptied first.
inline void CopyLedger(const std::string& from, const std::string& to) {
  for (const auto& entry : std::filesystem::directory_iterator(to)) {
    std::filesystem::remove_all(entry.path());
  }
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

}  // namespace aegis::ledger
