#include "ledger/sqlite/sqlite_store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "ledger/entry.h"
#include "ledger/policy_set.h"
#include "ledger/session.h"
#include "ledger/sqlite/block_index.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/eraser.h"
#include "ledger/sqlite/open_database.h"
#include "ledger/sqlite/policy_rows.h"
#include "ledger/sqlite/session_row.h"
#include "ledger/sqlite/snapshot.h"
#include "ledger/sqlite/tree_writer.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// The sessions that a group of entries moves forward.
class Heads {
 public:
  struct Head {
    std::optional<Session> before;  // as stored
    std::optional<Session> now;
  };

  explicit Heads(std::function<Result<std::optional<Session>>(std::string_view)> find)
      : find_(std::move(find)) {}

  // The head moves only from where the entry says it stands, else another writer was first.
  Result<> Advance(const EntryView& entry, std::int64_t id) {
    AEGIS_ASSIGN(Head * head, Find(entry.session_id));
    std::optional<Session>& now = head->now;
    const bool continues = now ? entry.seq == now->head_seq + 1 && entry.prev_hash == now->head_hash
                               : entry.seq == 0 && !entry.prev_hash;
    if (!continues) {
      return Fail(Errc::kConflict, "append to session " + base::EscapeName(entry.session_id) +
                                       " at seq " + std::to_string(entry.seq) +
                                       ": its chain stands elsewhere");
    }
    if (now && (entry.tenant_id != now->tenant_id ||
                (!now->user_id.empty() && entry.user_id != now->user_id))) {
      return Fail(Errc::kConflict, "append to session " + base::EscapeName(entry.session_id) +
                                       ": it belongs to another tenant or user");
    }
    if (now) {
      ledger::Advance(*now, entry);
    } else {
      now = BeginSession(entry);
      now->first_id = id;
    }
    now->last_id = id;
    return {};
  }

  const std::map<std::string, Head, std::less<>>& all() const { return heads_; }

 private:
  Result<Head*> Find(std::string_view session_id) {
    auto found = heads_.find(session_id);
    if (found == heads_.end()) {
      AEGIS_ASSIGN(const std::optional<Session> stored, find_(session_id));
      found = heads_.emplace(session_id, Head{.before = stored, .now = stored}).first;
    }
    return &found->second;
  }

  std::function<Result<std::optional<Session>>(std::string_view)> find_;
  std::map<std::string, Head, std::less<>> heads_;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(Database database, TreeWriter tree, BlockIndex blocks)
      : database_(std::move(database)), tree_(std::move(tree)), blocks_(std::move(blocks)) {}

  Result<> Prepare() {
    AEGIS_ASSIGN(insert_entry_,
                 database_.Prepare("INSERT INTO entries (id, tenant_id, user_id, session_id, seq, "
                                   "ts_unix_ms, event_type, payload, hash, prev_hash) "
                                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
    AEGIS_ASSIGN(insert_session_, database_.Prepare(kInsertSession));
    AEGIS_ASSIGN(update_session_, database_.Prepare(kUpdateSession));
    AEGIS_ASSIGN(find_session_, database_.Prepare(kFindSession));
    return {};
  }

  using Store::Append;
  Result<> Append(std::span<const EntryView> group, const CheckpointSigner& sign) override {
    if (group.empty()) {
      return {};
    }
    if (database_.HasMoved()) {
      return Fail(Errc::kConflict, "append: the file was removed, moved or replaced meanwhile");
    }
    AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database_, true));
    AEGIS_TRY(AppendWithin(group));
    if (sign) {
      AEGIS_ASSIGN(std::string note, sign(tree_.size(), tree_.Root()));
      AEGIS_TRY(PutCheckpoint({.size = tree_.size(), .note = std::move(note)}));
    }
    return transaction.Commit();
  }

  Result<std::optional<Session>> FindSession(std::string_view session_id) override {
    const ResetGuard guard(find_session_);
    return FindSessionRow(find_session_, session_id);
  }

  Result<bool> SummarizeBlocks() override { return blocks_.Complete(database_); }

  Result<> PutCheckpoint(const StoredCheckpoint& checkpoint) override {
    AEGIS_ASSIGN(Statement put, database_.Prepare("INSERT OR REPLACE INTO checkpoints (size, note) "
                                                  "VALUES (?1, ?2)"));
    return put.Bind(1, static_cast<std::int64_t>(checkpoint.size))
        .Bind(2, std::string_view(checkpoint.note))
        .Run();
  }

  Result<> AddKey(const StoredKey& key) override {
    AEGIS_ASSIGN(Statement add,
                 database_.Prepare("INSERT INTO keys (id, role, verifier, endorsement) "
                                   "SELECT ?1, ?2, ?3, ?4 WHERE ?1 = "
                                   "(SELECT coalesce(max(id), 0) + 1 FROM keys)"));
    AEGIS_TRY(add.Bind(1, key.id)
                  .Bind(2, std::string_view(key.role))
                  .Bind(3, std::string_view(key.verifier))
                  .Bind(4, std::string_view(key.endorsement))
                  .Run());
    return database_.changes() == 1
               ? Result<>()
               : Fail(Errc::kConflict, "add key: another process has added one meanwhile");
  }

  Result<std::string> PutPolicySet(std::span<const PolicyText> texts) override {
    return PutPolicyRows(database_, texts);
  }
  Result<> NoteAbsentPolicySet(std::string_view digest) override {
    return PutAbsentPolicyRow(database_, digest);
  }

  Result<> Erase(std::span<const IdRange> ranges, const EntryView& record) override {
    AEGIS_ASSIGN(Transaction transaction, Transaction::Begin(database_, true));
    AEGIS_TRY(EraseContents(database_, ranges));
    AEGIS_TRY(AppendWithin(std::span(&record, 1)));
    AEGIS_TRY(transaction.Commit());
    blocks_.Restart();
    ForgetLog(database_);
    return {};
  }

  Result<std::unique_ptr<Snapshot>> OpenSnapshot() override {
    return OpenSqliteSnapshot(database_);
  }

 private:
  // Within the caller's transaction.
  Result<> AppendWithin(std::span<const EntryView> group) {
    Heads heads([this](std::string_view session_id) { return FindSession(session_id); });
    AEGIS_TRY(tree_.Begin(database_));
    for (const EntryView& entry : group) {
      const auto id = static_cast<std::int64_t>(tree_.size() + 1);
      AEGIS_TRY(heads.Advance(entry, id));
      AEGIS_TRY(Insert(entry, id));
      tree_.Append(entry);
    }
    for (const auto& [session_id, head] : heads.all()) {
      Statement& statement = head.before ? update_session_ : insert_session_;
      AEGIS_TRY(WriteSessionRow(statement, *head.now, head.before));
      if (database_.changes() != 1) {
        return Fail(Errc::kConflict, "append to session " + base::EscapeName(session_id) +
                                         ": another writer moved it");
      }
    }
    return tree_.Save(database_);
  }

  Result<> Insert(const EntryView& entry, std::int64_t id) {
    insert_entry_.Bind(1, id)
        .Bind(2, entry.tenant_id)
        .Bind(3, entry.user_id)
        .Bind(4, entry.session_id)
        .Bind(5, static_cast<std::int64_t>(entry.seq))
        .Bind(6, entry.ts_unix_ms)
        .Bind(7, entry.event_type)
        .Bind(8, entry.payload)
        .BindBlob(9, entry.hash.view());
    if (entry.prev_hash) {
      insert_entry_.BindBlob(10, entry.prev_hash->view());
    } else {
      insert_entry_.BindNull(10);
    }
    return insert_entry_.Run();
  }

  Database database_;
  TreeWriter tree_;
  BlockIndex blocks_;
  Statement insert_entry_;
  Statement insert_session_;
  Statement update_session_;
  Statement find_session_;
};

}  // namespace

Result<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, OpenMode mode) {
  AEGIS_ASSIGN(Database database, OpenDatabase(path, mode));
  AEGIS_ASSIGN(TreeWriter tree, TreeWriter::Prepare(database));
  AEGIS_ASSIGN(BlockIndex blocks, BlockIndex::Prepare(database));
  auto store =
      std::make_unique<SqliteStore>(std::move(database), std::move(tree), std::move(blocks));
  AEGIS_TRY(store->Prepare());
  return store;
}

}  // namespace aegis::ledger
