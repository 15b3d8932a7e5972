#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"

namespace aegis::ledger {

// What is known of a session, derived from its entries and from nothing else, so that it can be
// recomputed: a row of table `sessions`. Erased entries say nothing but that they were there.
struct Session {
  std::string session_id{};
  std::string tenant_id{};
  std::string user_id{};              // of its first entry that is not erased
  std::optional<std::string> mode{};  // from SESSION_STARTED at seq 0
  std::optional<std::string> command{};
  std::optional<std::string> argv{};  // JSON array text
  std::optional<std::string> config{};
  std::optional<std::string> dir{};
  std::optional<std::string> tag{};
  std::optional<std::string> policy_digest{};
  std::int64_t started_ms = 0;             // time of seq 0
  std::optional<std::int64_t> ended_ms{};  // SESSION_ENDED
  std::optional<std::int64_t> exit_code{};
  std::optional<std::int64_t> signal{};
  std::int64_t actions = 0;  // ACTION_DECIDED entries
  std::int64_t denials = 0;  // those with decision deny
  std::int64_t erased = 0;   // entries whose content was purged
  std::uint64_t head_seq = 0;
  canon::Sha256 head_hash{};
  std::int64_t first_id = 0;  // row ids of its first and last entry; 0 for what is not stored yet
  std::int64_t last_id = 0;

  friend bool operator==(const Session&, const Session&) = default;
};

// Starts a session from its entry 0; carries it forward by the next entry.
Session BeginSession(const EntryView& first);
void Advance(Session& session, const EntryView& next);
// Carries it forward by a run of entries from which BeginSession and Advance made `next`.
void Join(Session& session, const Session& next);

// Whether a session that has no SESSION_ENDED still runs: its journal exists and its lock is held.
enum class SessionState : std::uint8_t { kRunning, kEnded, kUnknown };
struct SessionInfo {
  Session session{};
  SessionState state = SessionState::kUnknown;  // kUnknown: its processes died without a word
  std::optional<std::string> tag{};  // the newest: its own, or one that it was given afterwards
};
using SessionVisitor = std::function<base::Result<bool>(const SessionInfo&)>;

}  // namespace aegis::ledger
