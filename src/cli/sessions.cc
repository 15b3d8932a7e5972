#include "cli/sessions.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "cli/json.h"
#include "cli/session_level.h"
#include "cli/text.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

nlohmann::ordered_json TimeOrNull(const std::optional<std::int64_t>& unix_ms) {
  return unix_ms ? nlohmann::ordered_json(FormatTime(*unix_ms)) : nlohmann::ordered_json(nullptr);
}

// The level in a line; why it is that one is told elsewhere.
std::string LevelMark(const SessionLevel& level) {
  if (level.name == "full") {
    return level.detail.empty() ? "" : ", level full, not writes";
  }
  return ", level " + level.name;
}

}  // namespace

std::string HowItEnded(const ledger::SessionInfo& info) {
  const ledger::Session& session = info.session;
  if (session.signal) {
    return "signal " + std::to_string(*session.signal);
  }
  if (session.exit_code) {
    return "exit " + std::to_string(*session.exit_code);
  }
  return std::string(StateName(info.state));
}

std::string_view StateName(ledger::SessionState state) {
  switch (state) {
    case ledger::SessionState::kRunning:
      return "running";
    case ledger::SessionState::kEnded:
      return "ended";
    case ledger::SessionState::kUnknown:
      break;
  }
  return "died";
}

std::string CommandLine(const ledger::Session& session) {
  const auto argv = nlohmann::ordered_json::parse(session.argv.value_or(""), nullptr, false);
  std::string line;
  for (const auto& word : argv.is_array() ? argv : nlohmann::ordered_json::array()) {
    line.append(line.empty() ? "" : " ").append(word.is_string() ? word.get<std::string>() : "?");
  }
  return line.empty() ? session.command.value_or("-") : line;
}

nlohmann::ordered_json SessionJson(const ledger::SessionInfo& info, const SessionLevel& level) {
  const ledger::Session& session = info.session;
  nlohmann::ordered_json argv;
  if (session.argv) {
    argv = nlohmann::ordered_json::parse(*session.argv, nullptr, false);
  }
  return {{"session_id", session.session_id},
          {"state", StateName(info.state)},
          {"mode", OrNull(session.mode)},
          {"command", OrNull(session.command)},
          {"argv", argv.is_array() ? argv : nlohmann::ordered_json(nullptr)},
          {"config", OrNull(session.config)},
          {"dir", OrNull(session.dir)},
          {"tag", OrNull(info.tag)},
          {"policy_digest", OrNull(session.policy_digest)},
          {"started", FormatTime(session.started_ms)},
          {"ended", TimeOrNull(session.ended_ms)},
          {"exit_code", OrNull(session.exit_code)},
          {"signal", OrNull(session.signal)},
          {"actions", session.actions},
          {"denials", session.denials},
          {"entries", session.head_seq + 1},
          {"tenant_id", session.tenant_id},
          {"user_id", session.user_id},
          {"level", level.name},
          {"level_detail", level.detail}};
}

std::string SessionLine(const ledger::SessionInfo& info, const SessionLevel& level) {
  const ledger::Session& session = info.session;
  std::string line = FormatTime(session.started_ms) + "  " + session.session_id + "  " +
                     Padded(session.mode.value_or("-"), 4) + "  " + Padded(HowItEnded(info), 9) +
                     "  " + std::to_string(session.actions) + " actions" + ", " +
                     std::to_string(session.denials) + " denied" + LevelMark(level) + "  " +
                     session.command.value_or(session.dir.value_or("-"));
  if (info.tag) {
    line += "  [" + *info.tag + "]";
  }
  return base::ForDisplay(line);
}

}  // namespace aegis::cli
