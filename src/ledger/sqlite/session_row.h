#pragma once

// Internal to aegis::ledger: a Session as a row of table `sessions`.

#include <optional>
#include <string_view>

#include "base/result.h"
#include "ledger/session.h"
#include "ledger/sqlite/database.h"

namespace aegis::ledger {

inline constexpr std::string_view kSessionColumns =
    "session_id, tenant_id, user_id, mode, command, argv, config, dir, tag, policy_digest, "
    "started_ms, ended_ms, exit_code, signal, actions, denials, erased, "
    "head_seq, head_hash, first_id, last_id";

inline constexpr std::string_view kFindSession =
    "SELECT session_id, tenant_id, user_id, mode, command, argv, config, dir, tag, policy_digest, "
    "started_ms, ended_ms, exit_code, signal, actions, denials, erased, head_seq, head_hash, "
    "first_id, last_id FROM sessions WHERE session_id = ?1";

inline constexpr std::string_view kInsertSession =
    "INSERT INTO sessions (session_id, tenant_id, user_id, mode, command, argv, config, dir, tag, "
    "policy_digest, started_ms, ended_ms, exit_code, signal, actions, denials, erased, "
    "head_seq, head_hash, first_id, last_id) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "
    "?20, ?21) "
    "ON CONFLICT DO NOTHING";

// Compare and swap of the head: ?1 names the session, ?22 and ?23 the head that must stand.
inline constexpr std::string_view kUpdateSession =
    "UPDATE sessions SET tenant_id = ?2, user_id = ?3, mode = ?4, command = ?5, argv = ?6, "
    "config = ?7, dir = ?8, tag = ?9, policy_digest = ?10, started_ms = ?11, ended_ms = ?12, "
    "exit_code = ?13, signal = ?14, actions = ?15, denials = ?16, erased = ?17, head_seq = ?18, "
    "head_hash = ?19, first_id = ?20, last_id = ?21 "
    "WHERE session_id = ?1 AND head_seq = ?22 AND head_hash = ?23";

// Runs kInsertSession (no `before`) or kUpdateSession.
base::Result<> WriteSessionRow(Statement& statement, const Session& session,
                               const std::optional<Session>& before);

// Reads the row at which `statement` stands, its columns as in kSessionColumns; kCorrupt for values
// that no session has.
base::Result<Session> ReadSessionRow(const Statement& statement);

// Runs kFindSession; the caller resets the statement.
base::Result<std::optional<Session>> FindSessionRow(Statement& statement,
                                                    std::string_view session_id);

}  // namespace aegis::ledger
