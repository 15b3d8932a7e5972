#include "ledger/verify_sessions.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/session.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;
using Kind = Finding::Kind;

// More sessions at once than any ledger of ours interleaves; only forged rows keep so many open.
constexpr std::size_t kMaxOpen = 100'000;

}  // namespace

void SessionCheck::Add(Kind kind, const Session& session, std::string what) {
  findings_.Add({.kind = kind,
                 .session_id = session.session_id,
                 .seq = static_cast<std::int64_t>(session.head_seq),
                 .id = session.last_id == 0 ? std::nullopt : std::optional(session.last_id),
                 .what = std::move(what)});
}

Result<> SessionCheck::Take(Chunk& chunk) {
  lost_ += chunk.lost;
  for (SessionPart& part : chunk.sessions) {
    AEGIS_TRY(TakePart(part));
  }
  if (open_.size() > kMaxOpen) {
    CloseAll();
  }
  return {};
}

Result<> SessionCheck::TakePart(SessionPart& part) {
  auto found = open_.find(part.session.session_id);
  if (found == open_.end()) {
    AEGIS_ASSIGN(Open open, Begin(part));
    found = open_.emplace(open.session.session_id, std::move(open)).first;
  } else {
    Continue(found->second, part);
  }
  CloseIfWhole(found);
  return {};
}

Result<SessionCheck::Open> SessionCheck::Begin(SessionPart& part) {
  Open open{.session = std::move(part.session), .bad = part.bad};
  auto stored = snapshot_.FindSession(open.session.session_id);
  if (!stored && !IsDamage(stored.error())) {
    return Fail(std::move(stored).error());
  }
  if (!stored) {
    open.bad = true;
    Add(Kind::kDerived, open.session, stored.error().message());
  } else {
    open.stored = std::move(*stored);
  }
  if (part.first_seq == 0) {
    ++sessions_;
    rows_ += open.stored ? 1U : 0U;
  } else if (part.first_seq <= lost_) {
    lost_ -= part.first_seq;
    open.bad = true;
  } else {
    open.bad = true;
    findings_.Add({.kind = open.stored && open.stored->head_seq < part.first_seq ? Kind::kForked
                                                                                 : Kind::kMissing,
                   .session_id = open.session.session_id,
                   .seq = static_cast<std::int64_t>(part.first_seq),
                   .id = open.session.first_id,
                   .what = "the entries before it are missing"});
  }
  return open;
}

void SessionCheck::Continue(Open& open, const SessionPart& part) {
  Session& session = open.session;
  const std::uint64_t expected = session.head_seq + 1;
  const auto add = [&](Kind kind, std::string what) {
    open.bad = true;
    findings_.Add({.kind = kind,
                   .session_id = session.session_id,
                   .seq = static_cast<std::int64_t>(part.first_seq),
                   .id = part.session.first_id,
                   .what = std::move(what)});
  };
  if (part.session.tenant_id != session.tenant_id ||
      (!part.session.user_id.empty() && !session.user_id.empty() &&
       part.session.user_id != session.user_id)) {
    add(Kind::kEdited, "tenant or user differ from the session's");
  } else if (part.first_seq < expected) {
    add(Kind::kReordered, "its seq is not behind that of the session's entry before it");
  } else if (part.first_seq > expected && part.first_seq - expected <= lost_) {
    lost_ -= part.first_seq - expected;
    open.bad = true;
  } else if (part.first_seq > expected) {
    add(Kind::kMissing, "entries are missing before it, from seq " + std::to_string(expected));
  } else if (part.first_prev_hash != session.head_hash) {
    add(Kind::kForked, "it does not continue the hash of the entry before it");
  }
  open.bad |= part.bad;
  Join(session, part.session);
}

// A session with bad entries needs no second finding.
void SessionCheck::CloseIfWhole(std::map<std::string, Open, std::less<>>::iterator at) {
  const Open& open = at->second;
  if (!open.stored || open.session.head_seq < open.stored->head_seq) {
    return;
  }
  if (!open.bad && open.session.head_hash != open.stored->head_hash) {
    Add(Kind::kDerived, open.session,
        "the session's head in table sessions is another: entries are missing or added");
  } else if (!open.bad && open.session != *open.stored) {
    Add(Kind::kDerived, open.session,
        "the session's row in table sessions differs from what its entries say");
  }
  open_.erase(at);
}

void SessionCheck::CloseAll() {
  for (const auto& [id, open] : open_) {
    if (open.bad) {
      continue;
    }
    if (open.stored) {
      Add(Kind::kMissing, open.session,
          "entries of the session are missing behind it, to seq " +
              std::to_string(open.stored->head_seq));
    } else {
      Add(Kind::kDerived, open.session, "the session has entries but no row in table sessions");
    }
  }
  open_.clear();
}

Result<> SessionCheck::Finish() {
  CloseAll();
  return NameStrayRows();
}

// Rows of table sessions that belong to no session that was seen.
Result<> SessionCheck::NameStrayRows() {
  std::uint64_t rows = 0;
  const auto count = [&rows](const Result<Session>&) -> Result<bool> {
    ++rows;
    return true;
  };
  auto walked = snapshot_.Sessions(count);
  if (walked && rows == rows_) {
    return {};
  }
  if (walked) {
    const std::uint64_t before = findings_.count();
    walked = snapshot_.Sessions([this](const Result<Session>& session) -> Result<bool> {
      if (!session) {
        findings_.Add({.kind = Kind::kDerived, .what = session.error().message()});
        return true;
      }
      AEGIS_ASSIGN(const bool has_entries, HasItsEntries(*session));
      if (!has_entries) {
        findings_.Add({.kind = Kind::kMissing,
                       .session_id = session->session_id,
                       .seq = 0,
                       .what = "all entries of the session are missing"});
      }
      return true;
    });
    if (walked && findings_.count() == before) {
      findings_.Add({.kind = Kind::kDerived, .what = "table sessions and its index differ"});
    }
  }
  if (!walked && !IsDamage(walked.error())) {
    return walked;
  }
  if (!walked) {
    findings_.Add({.kind = Kind::kDamaged, .what = walked.error().message()});
  }
  return {};
}

Result<bool> SessionCheck::HasItsEntries(const Session& session) {
  bool found = false;
  const IdRange first{.first = session.first_id, .last = session.first_id};
  AEGIS_TRY(snapshot_.Scan(first, StoreOrder::kLedger, [&](const RawRow& row) -> Result<bool> {
    const auto entry = ToPosition(row);
    found = entry && entry->session_id == session.session_id && entry->seq == 0;
    return false;
  }));
  return found;
}

}  // namespace aegis::ledger
