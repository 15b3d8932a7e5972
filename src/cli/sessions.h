#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "ledger/ledger.h"

namespace aegis::cli {

// "running", "ended", or "died" for a session whose processes ended without a word.
std::string_view StateName(ledger::SessionState state);

// "exit 0", "signal 9", or its state.
std::string HowItEnded(const ledger::SessionInfo& info);

// The command and its arguments; as the ledger has them, so they may hold anything.
std::string CommandLine(const ledger::Session& session);

nlohmann::ordered_json SessionJson(const ledger::SessionInfo& info);

// One session in one line, harmless for a terminal.
std::string SessionLine(const ledger::SessionInfo& info);

}  // namespace aegis::cli
