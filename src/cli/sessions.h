#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/session_level.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// "running", "ended", or "died" for a session whose processes ended without a word.
std::string_view StateName(ledger::SessionState state);

// "exit 0", "signal 9", or its state.
std::string HowItEnded(const ledger::SessionInfo& info);

// The command and its arguments; as the ledger has them, so they may hold anything.
std::string CommandLine(const ledger::Session& session);

nlohmann::ordered_json SessionJson(const ledger::SessionInfo& info, const SessionLevel& level);

// One session in one line, harmless for a terminal. Says the level unless all is as ever: recorded
// in full, and nothing else was asked for.
std::string SessionLine(const ledger::SessionInfo& info, const SessionLevel& level);

}  // namespace aegis::cli
