#include "ledger/session.h"

#include <optional>
#include <string>
#include <string_view>

#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {
namespace {

void ReadStart(Session& session, std::string_view payload) {
  session.mode = canon::StringMember(payload, "mode");
  session.command = canon::StringMember(payload, "command");
  session.config = canon::StringMember(payload, "config");
  session.dir = canon::StringMember(payload, "dir");
  session.tag = canon::StringMember(payload, "tag");
  session.policy_digest = canon::StringMember(payload, "policy_digest");
  const auto argv = canon::Member(payload, "argv");
  if (argv && argv->starts_with('[')) {
    session.argv = std::string(*argv);
  }
}

void Apply(Session& session, const EntryView& entry) {
  session.head_seq = entry.seq;
  session.head_hash = entry.hash;
  if (entry.erased) {
    ++session.erased;
    return;
  }
  if (session.user_id.empty()) {
    session.user_id = entry.user_id;
  }
  if (HasDecision(entry.event_type)) {
    ++session.actions;
    // The members before `decision` are skipped, not decoded.
    if (canon::Member(entry.payload, "decision") == R"("deny")") {
      ++session.denials;
    }
  } else if (entry.event_type == kSessionEnded) {
    session.ended_ms = entry.ts_unix_ms;
    session.exit_code = canon::IntegerMember(entry.payload, "exit_code");
    session.signal = canon::IntegerMember(entry.payload, "signal");
  }
}

}  // namespace

Session BeginSession(const EntryView& first) {
  Session session;
  session.session_id = first.session_id;
  session.tenant_id = first.tenant_id;
  session.started_ms = first.ts_unix_ms;
  if (first.event_type == kSessionStarted) {
    ReadStart(session, first.payload);
  }
  Apply(session, first);
  return session;
}

void Advance(Session& session, const EntryView& next) { Apply(session, next); }

void Join(Session& session, const Session& next) {
  if (session.user_id.empty()) {
    session.user_id = next.user_id;
  }
  if (next.ended_ms) {
    session.ended_ms = next.ended_ms;
    session.exit_code = next.exit_code;
    session.signal = next.signal;
  }
  session.actions += next.actions;
  session.denials += next.denials;
  session.erased += next.erased;
  session.head_seq = next.head_seq;
  session.head_hash = next.head_hash;
  session.last_id = next.last_id;
}

}  // namespace aegis::ledger
