#include "ledger/archive.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "ledger/entry.h"
#include "ledger/export_format.h"
#include "ledger/query.h"
#include "ledger/recovery.h"
#include "ledger/session.h"
#include "ledger/sqlite/sqlite_store.h"
#include "ledger/store.h"
#include "ledger/tails.h"
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

}  // namespace

struct Ledger::State {
  std::string journal_dir;
  std::string store_path;
  std::unique_ptr<Store> store;
  std::vector<JournalFinding> recovered;

  // One moment: the journals are opened before the store is read, so that what leaves them
  // meanwhile is found in the store.
  struct View {
    Tails tails;
    std::unique_ptr<Snapshot> snapshot;
  };
  Result<View> OpenView() const {
    View view;
    AEGIS_ASSIGN(view.tails, Tails::Open(journal_dir));
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
  state->journal_dir = directory + "/journal";
  if (mode == Mode::kCreate) {
    AEGIS_TRY(base::MakeDirectories(state->journal_dir, 0700));
  }
  state->store_path = directory + "/audit.db";
  AEGIS_ASSIGN(state->store, OpenStore(state->store_path, mode));
  AEGIS_ASSIGN(state->recovered, DrainDeadJournals(state->journal_dir, *state->store));
  return Ledger(std::move(state));
}

Store& Ledger::store() { return *state_->store; }
const std::vector<JournalFinding>& Ledger::recovered() const { return state_->recovered; }
std::string Ledger::JournalPath(std::string_view session_id) const {
  return state_->journal_dir + "/" + std::string(session_id) + ".journal";
}

namespace {

// Decides about principals, which may be a session's configuration rather than the entry's user.
class PrincipalFilter {
 public:
  PrincipalFilter(const std::optional<std::string>& principal, Snapshot& snapshot,
                  const Tails& tails)
      : principal_(principal), snapshot_(snapshot), tails_(tails) {}

  Result<bool> Passes(const EntryView& entry) {
    if (!principal_ || entry.user_id == *principal_) {
      return true;
    }
    if (entry.session_id != session_id_) {
      session_id_ = entry.session_id;
      std::optional<Session> session = tails_.FindSession(session_id_);
      if (!session) {
        AEGIS_ASSIGN(session, snapshot_.FindSession(session_id_));
      }
      passes_ = session && session->config == principal_;
    }
    return passes_;
  }

 private:
  const std::optional<std::string>& principal_;
  Snapshot& snapshot_;
  const Tails& tails_;
  std::string session_id_;
  bool passes_ = false;
};

// One run of a query over one view.
class QueryRun {
 public:
  QueryRun(const QueryFilter& filter, Snapshot& snapshot, Tails& tails)
      : filter_(filter),
        snapshot_(snapshot),
        tails_(tails),
        principal_(filter.principal, snapshot, tails) {}

  Result<> All(const EntryVisitor& visit) {
    bool stopped = false;
    const EntryVisitor if_matching = [&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool matches, Passes(entry));
      AEGIS_ASSIGN(const bool more, matches ? visit(entry) : Result<bool>(true));
      stopped = !more;
      return more;
    };
    AEGIS_ASSIGN(const IdRange range, Range());
    AEGIS_TRY(snapshot_.Scan(range, StoreOrder::kLedger, OnRow(if_matching)));
    return stopped ? Result<>() : tails_.Visit(if_matching);
  }

  // The last `count`: first what the journals have, then the rest by walking the store backwards,
  // keeping row ids only.
  Result<> Last(std::uint64_t count, const EntryVisitor& visit) {
    std::uint64_t in_tails = 0;
    const auto counted = tails_.Visit([&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool matches, Passes(entry));
      in_tails += matches ? 1 : 0;
      return true;
    });
    std::vector<std::int64_t> ids;
    const std::uint64_t wanted = count - std::min(count, in_tails);
    if (wanted > 0) {
      AEGIS_TRY(CollectLast(wanted, ids));
    }
    bool stopped = false;
    const EntryVisitor give = [&](const EntryView& entry) -> Result<bool> {
      AEGIS_ASSIGN(const bool more, visit(entry));
      stopped = !more;
      return more;
    };
    for (auto id = ids.rbegin(); id != ids.rend() && !stopped; ++id) {
      AEGIS_TRY(snapshot_.Scan({.first = *id, .last = *id}, StoreOrder::kLedger, OnRow(give)));
    }
    std::uint64_t skip = in_tails - std::min(count, in_tails);
    if (!stopped) {
      AEGIS_TRY(tails_.Visit([&](const EntryView& entry) -> Result<bool> {
        AEGIS_ASSIGN(const bool matches, Passes(entry));
        if (!matches || skip > 0) {
          skip -= matches ? 1 : 0;
          return true;
        }
        return give(entry);
      }));
    }
    return counted;
  }

 private:
  // Where in the store matching entries can lie.
  Result<IdRange> Range() {
    if (!filter_.session_id) {
      return IdRange{};
    }
    AEGIS_ASSIGN(const std::optional<Session> session, snapshot_.FindSession(*filter_.session_id));
    return session ? IdRange{.first = session->first_id, .last = session->last_id}
                   : IdRange{.first = 1, .last = 0};
  }

  Result<bool> Passes(const EntryView& entry) {
    return Matches(filter_, entry) ? principal_.Passes(entry) : Result<bool>(false);
  }

  // A row that is no entry can't be shown as one: reading it is an error that names it.
  static RowVisitor OnRow(const EntryVisitor& visit) {
    return [&visit](const RawRow& row) -> Result<bool> {
      const auto entry = ToEntry(row);
      if (!entry) {
        return Fail(Errc::kCorrupt, "ledger entry in row " + std::to_string(row.id) + ": " +
                                        entry.error().message());
      }
      return visit(*entry);
    };
  }

  Result<> CollectLast(std::uint64_t wanted, std::vector<std::int64_t>& ids) {
    AEGIS_ASSIGN(const IdRange range, Range());
    return snapshot_.Scan(range, StoreOrder::kLedgerReversed,
                          [&](const RawRow& row) -> Result<bool> {
                            return OnRow([&](const EntryView& entry) -> Result<bool> {
                              AEGIS_ASSIGN(const bool matches, Passes(entry));
                              if (matches) {
                                ids.push_back(row.id);
                              }
                              return ids.size() < wanted;
                            })(row);
                          });
  }

  const QueryFilter& filter_;
  Snapshot& snapshot_;
  Tails& tails_;
  PrincipalFilter principal_;
};

}  // namespace

Result<> Ledger::Query(const QueryFilter& filter, const EntryVisitor& visit) {
  AEGIS_ASSIGN(State::View view, state_->OpenView());
  QueryRun run(filter, *view.snapshot, view.tails);
  return filter.last ? run.Last(*filter.last, visit) : run.All(visit);
}

Result<> Ledger::Export(const QueryFilter& filter, ExportWriter writer, const Sink& sink) {
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  std::string text;
  writer.AppendBegin(text, false);
  const auto queried = Query(filter, [&](const EntryView& entry) -> Result<bool> {
    writer.AppendEntry(text, entry, std::nullopt);
    if (text.size() >= kPiece) {
      AEGIS_TRY(sink(text));
      text.clear();
    }
    return true;
  });
  writer.AppendEnd(text);
  // What could be read is given, also when the end could not.
  AEGIS_TRY(sink(text));
  return queried;
}

Result<> Ledger::Sessions(std::optional<std::uint64_t> last, const SessionVisitor& visit) {
  AEGIS_ASSIGN(State::View view, state_->OpenView());
  std::map<std::string, Session, std::less<>> running = view.tails.Sessions();
  std::vector<Session> sessions;
  constexpr std::uint64_t kAll = UINT64_MAX;
  AEGIS_TRY(view.snapshot->RecentSessions(last.value_or(kAll),
                                          [&](const Result<Session>& stored) -> Result<bool> {
                                            if (!stored) {
                                              return Fail(stored.error());
                                            }
                                            const auto newer = running.find(stored->session_id);
                                            if (newer == running.end()) {
                                              sessions.push_back(*stored);
                                            } else {
                                              sessions.push_back(std::move(newer->second));
                                              running.erase(newer);
                                            }
                                            return true;
                                          }));
  for (auto& [id, session] : running) {
    sessions.push_back(std::move(session));
  }
  std::sort(sessions.begin(), sessions.end(), [](const Session& a, const Session& b) {
    return std::tie(a.started_ms, a.session_id) < std::tie(b.started_ms, b.session_id);
  });
  const std::size_t skip =
      last && sessions.size() > *last ? sessions.size() - static_cast<std::size_t>(*last) : 0;
  for (std::size_t i = skip; i < sessions.size(); ++i) {
    AEGIS_ASSIGN(const bool more, visit(Describe(std::move(sessions[i]))));
    if (!more) {
      break;
    }
  }
  return {};
}

SessionInfo Ledger::Describe(Session session) const {
  SessionInfo info{.session = std::move(session), .state = SessionState::kUnknown};
  if (info.session.ended_ms) {
    info.state = SessionState::kEnded;
  } else if (IsJournalLive(JournalPath(info.session.session_id))) {
    info.state = SessionState::kRunning;
  }
  return info;
}

Result<SessionInfo> Ledger::FindSession(std::string_view id_or_prefix) {
  std::vector<SessionInfo> found;
  AEGIS_TRY(Sessions(std::nullopt, [&](const SessionInfo& info) -> Result<bool> {
    if (info.session.session_id == id_or_prefix) {
      found = {info};
      return false;
    }
    if (info.session.session_id.starts_with(id_or_prefix)) {
      found.push_back(info);
    }
    return true;
  }));
  const std::string shown = base::EscapeName(id_or_prefix);
  if (found.empty() || id_or_prefix.empty()) {
    return Fail(Errc::kNotFound, "no session " + shown);
  }
  if (found.size() > 1) {
    return Fail(Errc::kInvalid, "several sessions begin with " + shown);
  }
  return found.front();
}

Result<VerifyReport> Ledger::Verify(const VerifyOptions& options) {
  Tails tails;
  AEGIS_ASSIGN(tails, Tails::Open(state_->journal_dir));
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, state_->store->OpenSnapshot());
  const StoreOpener open = [this] { return OpenStore(state_->store_path, Mode::kRead); };
  AEGIS_ASSIGN(VerifyReport report, VerifySnapshot(*snapshot, open, options));
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
