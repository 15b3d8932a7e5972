#include "ledger/archive.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/entry.h"
#include "ledger/export_format.h"
#include "ledger/finding.h"
#include "ledger/import.h"
#include "ledger/merkle.h"
#include "ledger/noted_checkpoint.h"
#include "ledger/query.h"
#include "ledger/query_run.h"
#include "ledger/recovery.h"
#include "ledger/session.h"
#include "ledger/signer.h"
#include "ledger/sqlite/sqlite_store.h"
#include "ledger/store.h"
#include "ledger/store_import.h"
#include "ledger/tag.h"
#include "ledger/tails.h"
#include "ledger/transparency.h"
#include "ledger/tree_reader.h"
#include "ledger/verify.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

Result<std::unique_ptr<Store>> OpenStore(const std::string& path, Ledger::Mode mode) {
  if (mode == Ledger::Mode::kCreate) {
    return OpenSqliteStore(path, OpenMode::kCreate);
  }
  // Writing where we may: only a writer leaves no side files behind when it closes.
  const bool writable = access(path.c_str(), W_OK) == 0;
  return OpenSqliteStore(path, writable ? OpenMode::kReadWrite : OpenMode::kReadOnly);
}

// An older copy of the ledger, or an empty one, must not quietly go on as if it were the ledger.
Result<> RequireWhole(const std::string& directory, Store& store) {
  const auto noted = ReadNotedCheckpoint(directory);
  if (!noted) {
    return {};  // none yet, or not readable: verification says so
  }
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
  AEGIS_ASSIGN(const CompactRange tree, snapshot->Tree());
  if (tree.size() < noted->size) {
    return Fail(Errc::kCorrupt,
                "ledger " + base::EscapeName(directory) + " holds " + std::to_string(tree.size()) +
                    " entries, but its last checkpoint says " + std::to_string(noted->size) +
                    ": it was cut, replaced or rolled back. `aegis audit verify` tells more; to "
                    "begin anew, move audit.db, checkpoint and ledger.key away from there");
  }
  AEGIS_ASSIGN(const canon::SignedNote note, canon::SignedNote::Parse(noted->note));
  AEGIS_ASSIGN(const Checkpoint checkpoint, Checkpoint::Parse(note.text));
  MerkleHasher hasher;
  TreeReader reader(*snapshot);
  const auto root = tree.size() == noted->size ? Result<canon::Sha256>(tree.Root(hasher))
                                               : RootAt(noted->size, reader);
  if (!root && root.error().code() != Errc::kCorrupt) {
    return Fail(root.error());
  }
  if (!root || *root != checkpoint.root) {
    return Fail(Errc::kCorrupt, "ledger " + base::EscapeName(directory) +
                                    " does not extend its last checkpoint: it was damaged, edited "
                                    "or replaced. `aegis audit verify` tells more");
  }
  return {};
}

// The last `last` sessions at least, by start, as they stand at the end of their journals.
Result<std::vector<Session>> RecentRuns(const Tails& tails, Snapshot& snapshot,
                                        std::optional<std::uint64_t> last) {
  std::map<std::string, Session, std::less<>> running = tails.Sessions();
  std::vector<Session> sessions;
  const auto take = [&](const Result<Session>& stored) -> Result<bool> {
    if (!stored) {
      return Fail(stored.error());
    }
    const auto newer = running.find(stored->session_id);
    if (newer != running.end()) {
      sessions.push_back(std::move(newer->second));
      running.erase(newer);
    } else if (!IsTagRecord(*stored)) {
      sessions.push_back(*stored);
    }
    return !last || sessions.size() < *last;
  };
  AEGIS_TRY(snapshot.RecentSessions(UINT64_MAX, take));
  for (auto& [id, session] : running) {
    sessions.push_back(std::move(session));
  }
  std::sort(sessions.begin(), sessions.end(), [](const Session& a, const Session& b) {
    return std::tie(a.started_ms, a.session_id) < std::tie(b.started_ms, b.session_id);
  });
  return sessions;
}

}  // namespace

struct Ledger::State {
  std::string directory;
  std::string journal_dir;
  std::string store_path;
  std::unique_ptr<Store> store;
  std::vector<JournalFinding> recovered;
  std::optional<LedgerSigner> signer;

  // One moment: the journals are opened before the store is read, so that what leaves them
  // meanwhile is found in the store.
  struct View {
    Tails tails;
    std::unique_ptr<Snapshot> snapshot;
  };
  Result<View> OpenView(bool stored_only = false) const {
    View view;
    if (!stored_only) {
      AEGIS_ASSIGN(view.tails, Tails::Open(journal_dir));
    }
    AEGIS_ASSIGN(view.snapshot, store->OpenSnapshot());
    AEGIS_TRY(view.tails.Align(*view.snapshot));
    return view;
  }
};

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::Open(const std::string& directory, Mode mode) {
  auto state = std::make_unique<State>();
  state->directory = directory;
  state->journal_dir = directory + "/journal";
  if (mode == Mode::kCreate) {
    AEGIS_TRY(base::MakeDirectories(state->journal_dir, 0700));
  }
  state->store_path = directory + "/audit.db";
  AEGIS_ASSIGN(state->store, OpenStore(state->store_path, mode));
  if (mode == Mode::kCreate) {
    AEGIS_TRY(RequireWhole(directory, *state->store));
  }
  AEGIS_ASSIGN(state->recovered, DrainDeadJournals(state->journal_dir, *state->store));
  return Ledger(std::move(state));
}

Store& Ledger::store() { return *state_->store; }
const std::string& Ledger::directory() const { return state_->directory; }

Result<LedgerSigner*> Ledger::Signer() {
  if (!state_->signer) {
    // What is signed is noted: a smaller tree must not take the place of the one that tells on it.
    AEGIS_TRY(RequireWhole(state_->directory, *state_->store));
    AEGIS_ASSIGN(state_->signer, LedgerSigner::Open(state_->directory, *state_->store));
  }
  return &*state_->signer;
}

Result<StoredCheckpoint> Ledger::CheckpointAll() {
  AEGIS_TRY(RequireWhole(state_->directory, *state_->store));
  {
    AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, state_->store->OpenSnapshot());
    AEGIS_ASSIGN(const CompactRange tree, snapshot->Tree());
    AEGIS_ASSIGN(std::optional<StoredCheckpoint> newest, NewestCheckpoint(*snapshot));
    if (newest && newest->size == tree.size()) {
      return *std::move(newest);
    }
  }
  AEGIS_ASSIGN(const LedgerSigner* const signer, Signer());
  AEGIS_ASSIGN(StoredCheckpoint made, CheckpointOfAll(*state_->store, *signer));
  AEGIS_TRY(NoteCheckpoint(made));
  return made;
}

Result<> Ledger::NoteCheckpoint(const StoredCheckpoint& checkpoint) const {
  return WriteNotedCheckpoint(state_->directory, checkpoint);
}

const std::vector<JournalFinding>& Ledger::recovered() const { return state_->recovered; }
std::string Ledger::JournalPath(std::string_view session_id) const {
  return state_->journal_dir + "/" + std::string(session_id) + ".journal";
}

Result<QueryPage> Ledger::Query(const QueryFilter& filter, const FoundVisitor& visit) {
  if ((filter.last && filter.limit) ||
      (filter.cursor && filter.cursor->before != filter.last.has_value())) {
    return Fail(Errc::kInvalid, "query: the cursor is of another kind of query");
  }
  AEGIS_ASSIGN(State::View view, state_->OpenView(filter.stored_only));
  return QueryRun(filter, *view.snapshot, view.tails).Run(visit);
}

Result<QueryPage> Ledger::Query(const QueryFilter& filter, const EntryVisitor& visit) {
  return Query(filter, [&visit](const EntryView& entry, std::optional<std::uint64_t>) {
    return visit(entry);
  });
}

Result<QueryPage> Ledger::Export(const QueryFilter& filter, ExportWriter& writer,
                                 const Sink& sink) {
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  std::string text;
  auto page = Query(
      filter, [&](const EntryView& entry, std::optional<std::uint64_t> position) -> Result<bool> {
        writer.AppendEntry(text, entry, position);
        if (text.size() >= kPiece) {
          AEGIS_TRY(sink(text));
          text.clear();
        }
        return true;
      });
  // What could be read is given, also when the end could not.
  AEGIS_TRY(sink(text));
  return page;
}

Result<std::uint64_t> Ledger::CountStored() {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, state_->store->OpenSnapshot());
  AEGIS_ASSIGN(const std::int64_t last, snapshot->LastId());
  return static_cast<std::uint64_t>(last);
}

Result<> Ledger::Import(const Source& next, ImportReport& report) {
  StoreImportTarget target(*state_->store, state_->journal_dir);
  Importer importer(target);
  const auto read = [&]() -> Result<> {
    while (true) {
      AEGIS_ASSIGN(const std::string_view piece, next());
      if (piece.empty()) {
        return {};
      }
      AEGIS_TRY(importer.Add(piece));
    }
  };
  // What came before an input that can't be read to its end is stored all the same.
  auto done = read();
  auto finished = importer.Finish();
  report = importer.report();
  return done ? finished : done;
}

Result<> Ledger::Sessions(std::optional<std::uint64_t> last, const SessionVisitor& visit) {
  AEGIS_ASSIGN(State::View view, state_->OpenView());
  AEGIS_ASSIGN(const Taggings taggings, ReadTaggings(*view.snapshot));
  AEGIS_ASSIGN(std::vector<Session> sessions, RecentRuns(view.tails, *view.snapshot, last));
  const std::size_t skip =
      last && sessions.size() > *last ? sessions.size() - static_cast<std::size_t>(*last) : 0;
  for (std::size_t i = skip; i < sessions.size(); ++i) {
    AEGIS_ASSIGN(const bool more, visit(Describe(std::move(sessions[i]), taggings)));
    if (!more) {
      break;
    }
  }
  return {};
}

SessionInfo Ledger::Describe(Session session, const Taggings& taggings) const {
  SessionInfo info{
      .session = std::move(session), .state = SessionState::kUnknown, .tag = std::nullopt};
  if (info.session.ended_ms) {
    info.state = SessionState::kEnded;
  } else if (IsJournalLive(JournalPath(info.session.session_id))) {
    info.state = SessionState::kRunning;
  }
  const auto given = taggings.find(info.session.session_id);
  info.tag = given == taggings.end() ? info.session.tag : given->second.back().tag;
  if (info.tag && info.tag->empty()) {
    info.tag.reset();
  }
  return info;
}

Result<SessionInfo> Ledger::FindSession(std::string_view id_or_tag) {
  std::vector<SessionInfo> found;
  AEGIS_TRY(Sessions(std::nullopt, [&](const SessionInfo& info) -> Result<bool> {
    if (info.session.session_id == id_or_tag) {
      found = {info};
      return false;
    }
    if (info.session.session_id.starts_with(id_or_tag) || info.tag == id_or_tag) {
      found.push_back(info);
    }
    return true;
  }));
  const std::string shown = base::EscapeName(id_or_tag);
  if (id_or_tag.empty()) {
    return Fail(Errc::kNotFound, "no session " + shown);
  }
  if (found.empty()) {
    AEGIS_ASSIGN(std::optional<Session> record, state_->store->FindSession(id_or_tag));
    return record ? Result<SessionInfo>(Describe(*std::move(record), {}))
                  : Fail(Errc::kNotFound, "no session " + shown);
  }
  if (found.size() > 1) {
    const bool tags =
        std::ranges::any_of(found, [&](const SessionInfo& info) { return info.tag == id_or_tag; });
    return Fail(Errc::kInvalid, tags ? "several sessions have the tag " + shown +
                                           "; the newest is " + found.back().session.session_id
                                     : "several sessions begin with " + shown);
  }
  return found.front();
}

Result<> Ledger::FirstEntries(std::span<const SessionInfo> sessions, const EntryVisitor& visit) {
  AEGIS_ASSIGN(State::View view, state_->OpenView());
  bool more = true;
  std::set<std::string_view> unstored;
  for (const SessionInfo& info : sessions) {
    const std::string& id = info.session.session_id;
    std::int64_t row = info.session.first_id;
    if (row == 0) {  // unless it was stored meanwhile
      AEGIS_ASSIGN(const std::optional<Session> stored, view.snapshot->FindSession(id));
      row = stored ? stored->first_id : 0;
    }
    if (row == 0) {
      unstored.insert(id);
      continue;
    }
    AEGIS_TRY(view.snapshot->Scan({.first = row, .last = row}, StoreOrder::kLedger,
                                  [&](const RawRow& raw) -> Result<bool> {
                                    const auto entry = ToEntry(raw);
                                    if (entry && entry->session_id == id && entry->seq == 0) {
                                      AEGIS_ASSIGN(more, visit(*entry));
                                    }
                                    return more;
                                  }));
    if (!more) {
      return {};
    }
  }
  if (unstored.empty()) {
    return {};
  }
  auto read = view.tails.Visit([&](const EntryView& entry) -> Result<bool> {
    if (entry.seq == 0 && unstored.contains(entry.session_id)) {
      AEGIS_ASSIGN(more, visit(entry));
    }
    return more;
  });
  return read || IsDamage(read.error()) ? Result<>() : read;
}

Result<Taggings> Ledger::ReadTags() {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, state_->store->OpenSnapshot());
  return ReadTaggings(*snapshot);
}

Result<VerifyReport> Ledger::Verify(const VerifyOptions& options) {
  // Noted before the moment that is verified, so that the ledger can't be behind it.
  VerifyOptions all = options;
  if (auto noted = ReadNotedCheckpoint(state_->directory)) {
    all.kept.push_back({.note = std::move(noted->note),
                        .from = "the checkpoint noted beside the ledger",
                        .if_wrong = Finding::Kind::kForked,
                        .if_larger = Finding::Kind::kRolledBack});
  } else if (noted.error().code() != Errc::kNotFound && noted.error().sys_errno() != EACCES) {
    all.kept.push_back({.note = {}, .from = "the checkpoint noted beside the ledger"});
  }
  Tails tails;
  AEGIS_ASSIGN(tails, Tails::Open(state_->journal_dir));
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, state_->store->OpenSnapshot());
  const StoreOpener open = [this] { return OpenStore(state_->store_path, Mode::kRead); };
  AEGIS_ASSIGN(VerifyReport report, VerifySnapshot(*snapshot, open, all));
  report.journals = state_->recovered;
  // The tails continue the stored chains: reading them checks hash and link of each record.
  auto read = tails.Align(*snapshot);
  if (read) {
    read = tails.Visit([&report](const EntryView&) -> Result<bool> {
      ++report.entries;
      return true;
    });
  }
  if (!read) {
    report.findings.Add({.kind = Finding::Kind::kJournal, .what = read.error().message()});
  }
  return report;
}

}  // namespace aegis::ledger
