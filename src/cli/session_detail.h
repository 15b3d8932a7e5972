#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/activity.h"
#include "cli/output.h"
#include "cli/session_level.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// All that a ledger says about one session.
struct SessionDetail {
  ledger::SessionInfo info{};
  std::vector<std::string> policies{};                  // their files
  std::vector<std::string> env_dropped{};               // names of variables that were withheld
  std::vector<std::string> published_ports{};           // "127.0.0.1:8080:3000"
  std::optional<std::int64_t> published_connections{};  // none: unknown, or no such ports
  SessionLevel level{};
  std::string ending{};                 // why it ended, if not by itself
  std::vector<ledger::Tagging> tags{};  // in the order in which it was given them
  Activity activity;
};

// The strings of an array in a payload; none if there is no such array.
std::vector<std::string> TextsMember(std::string_view payload, std::string_view key);

// Reads its entries once, those that are not stored yet included. Keeps the counts of `most_names`
// names of each kind.
base::Result<SessionDetail> ReadSession(ledger::Ledger& ledger, const ledger::SessionInfo& info,
                                        std::size_t most_names);

nlohmann::ordered_json DetailJson(const SessionDetail& detail);
// For people: harmless lines.
void PrintDetail(Output& out, const SessionDetail& detail);

}  // namespace aegis::cli
