#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "ledger/ledger.h"

namespace aegis::cli {

// "running", "ended", or "died" for a session whose processes ended without a word.
std::string_view StateName(ledger::SessionState state);

nlohmann::ordered_json SessionJson(const ledger::SessionInfo& info);

// One session in one line, harmless for a terminal.
std::string SessionLine(const ledger::SessionInfo& info);

}  // namespace aegis::cli
