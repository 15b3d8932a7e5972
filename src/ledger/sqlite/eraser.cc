#include "ledger/sqlite/eraser.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/purge_record.h"
#include "ledger/session.h"
#include "ledger/sqlite/block_index.h"
#include "ledger/sqlite/database.h"
#include "ledger/sqlite/session_row.h"
#include "ledger/store.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// What a session loses.
struct Loss {
  std::int64_t entries = 0;
  std::int64_t actions = 0;
  std::int64_t denials = 0;
  bool start = false;
  bool end = false;
};
using Losses = std::map<std::string, Loss, std::less<>>;

void Count(Loss& loss, std::int64_t seq, std::string_view event_type, std::string_view payload) {
  ++loss.entries;
  loss.start |= seq == 0;
  loss.end |= event_type == kSessionEnded;
  if (event_type == kActionDecided) {
    ++loss.actions;
    loss.denials += canon::Member(payload, "decision") == R"("deny")" ? 1 : 0;
  }
}

Result<> CountLosses(Database& database, const IdRange& range, Losses& losses) {
  AEGIS_ASSIGN(Statement rows,
               database.Prepare("SELECT session_id, seq, event_type, payload FROM entries "
                                "WHERE id BETWEEN ?1 AND ?2 AND payload IS NOT NULL "
                                "AND event_type != ?3"));
  rows.Bind(1, range.first).Bind(2, range.last).Bind(3, kContentErased);
  while (true) {
    AEGIS_ASSIGN(const bool found, rows.Step());
    if (!found) {
      return {};
    }
    Loss& loss = losses.try_emplace(std::string(rows.Text(0))).first->second;
    Count(loss, rows.Integer(1), rows.Text(2), rows.Text(3));
  }
}

Result<> EraseRows(Database& database, const IdRange& range) {
  AEGIS_ASSIGN(Statement erase,
               database.Prepare("UPDATE entries SET user_id = NULL, ts_unix_ms = NULL, "
                                "event_type = NULL, payload = NULL "
                                "WHERE id BETWEEN ?1 AND ?2 AND payload IS NOT NULL "
                                "AND event_type != ?3"));
  return erase.Bind(1, range.first).Bind(2, range.last).Bind(3, kContentErased).Run();
}

// How the session ended, as its last entry that says so tells.
Result<> FindEnd(Database& database, Session& session) {
  session.ended_ms.reset();
  session.exit_code.reset();
  session.signal.reset();
  AEGIS_ASSIGN(Statement find,
               database.Prepare("SELECT ts_unix_ms, payload FROM entries WHERE id BETWEEN ?1 AND "
                                "?2 AND session_id = ?3 AND event_type = ?4 "
                                "ORDER BY id DESC LIMIT 1"));
  find.Bind(1, session.first_id)
      .Bind(2, session.last_id)
      .Bind(3, std::string_view(session.session_id))
      .Bind(4, kSessionEnded);
  AEGIS_ASSIGN(const bool found, find.Step());
  if (found) {
    session.ended_ms = find.Integer(0);
    session.exit_code = canon::IntegerMember(find.Text(1), "exit_code");
    session.signal = canon::IntegerMember(find.Text(1), "signal");
  }
  return {};
}

Result<> Diminish(Database& database, Session& session, const Loss& loss) {
  session.erased += loss.entries;
  session.actions -= loss.actions;
  session.denials -= loss.denials;
  if (loss.start) {
    for (auto* text : {&session.mode, &session.command, &session.argv, &session.config,
                       &session.dir, &session.tag, &session.policy_digest}) {
      text->reset();
    }
    session.started_ms = 0;
  }
  if (static_cast<std::uint64_t>(session.erased) == session.head_seq + 1) {
    session.user_id.clear();
  }
  return loss.end ? FindEnd(database, session) : Result<>();
}

Result<> UpdateSessions(Database& database, const Losses& losses) {
  AEGIS_ASSIGN(Statement find, database.Prepare(kFindSession));
  AEGIS_ASSIGN(Statement update, database.Prepare(kUpdateSession));
  for (const auto& [session_id, loss] : losses) {
    std::optional<Session> session;
    {
      const ResetGuard guard(find);
      AEGIS_ASSIGN(session, FindSessionRow(find, session_id));
    }
    if (!session) {
      return Fail(Errc::kCorrupt, "erase: a session has entries but no row in table sessions");
    }
    const std::optional<Session> before = session;
    AEGIS_TRY(Diminish(database, *session, loss));
    AEGIS_TRY(WriteSessionRow(update, *session, before));
  }
  return {};
}

}  // namespace

Result<> EraseContents(Database& database, std::span<const IdRange> ranges) {
  AEGIS_TRY(database.Execute("PRAGMA secure_delete = ON"));
  Losses losses;
  for (const IdRange& range : ranges) {
    AEGIS_TRY(CountLosses(database, range, losses));
    AEGIS_TRY(EraseRows(database, range));
    AEGIS_TRY(ForgetBlocks(database, range));
  }
  return UpdateSessions(database, losses);
}

void ForgetLog(Database& database) {
  (void)database.Execute("PRAGMA secure_delete = OFF; PRAGMA wal_checkpoint(TRUNCATE)");
}

}  // namespace aegis::ledger
