#include "config/keys.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/nearest.h"

namespace aegis::config {
namespace {

using enum KeyType;

using Choice = std::string_view;

constexpr auto kIsolations = std::to_array<Choice>({"Seatbelt", "Process", "None"});
constexpr auto kObservers = std::to_array<Choice>({"None", "FsEvents", "EndpointSecurity"});
constexpr auto kProtocols = std::to_array<Choice>({"Tcp", "Udp", "Http", "Https"});
constexpr auto kDecisions = std::to_array<Choice>({"Allow", "Deny"});
constexpr auto kAnswers = std::to_array<Choice>({"Deny", "Allow", "Alert"});
constexpr auto kAdapters =
    std::to_array<Choice>({"ClaudeCode", "Codex", "Generic", "Passthrough", "Auto"});
constexpr auto kLevels = std::to_array<Choice>({"full", "writes"});
constexpr auto kDurabilities = std::to_array<Choice>({"durable", "ordered"});
constexpr auto kChannels = std::to_array<Choice>({"telegram"});
constexpr auto kKinds = std::to_array<Choice>({"FileRead", "FileWrite", "FileDelete", "DirCreate",
                                               "DirList", "NetConnect", "NetRequest", "ToolCall",
                                               "ProcessSpawn", "ProcessExit", "ApiUsage"});

// Sorted by subject, not by name: the first block has effect, the second is accepted so that
// files written for other parts of Aegis load, and is named as without effect.
constexpr auto kKeys = std::to_array<KeySpec>({
    {"name", kString},
    {"dir", kString},
    {"sandbox_dir", kString},
    {"policy_paths", kStrings},
    {"ledger_path", kString},
    {"env_pass", kStrings},
    {"private_dirs", kStrings},
    {"retention", kTable},
    {"retention.max_age_days", kInteger},
    {"ledger", kTable},
    {"ledger.mask", kStrings},
    {"ledger.level", kString, kLevels},
    {"ledger.network", kString, kDurabilities},
    {"ledger.witness", kTable},
    {"ledger.witness.target", kString},
    {"ledger.witness.targets", kStrings},
    {"ledger.witness.key", kString},
    {"ledger.witness.keys", kStrings},
    {"ledger.witness.ca", kString},
    {"ledger.witness.required", kBoolean},
    {"allowed_network", kTables},
    {"allowed_network.host", kString},
    {"allowed_network.port", kInteger},
    {"allowed_network.protocol", kString, kProtocols},
    {"allowed_network.opaque", kBoolean},
    {"published_port", kTables},
    {"published_port.port", kInteger},
    {"published_port.host_port", kInteger},
    {"published_port.address", kString},

    {"schema_path", kString},
    {"isolation", kNameOrTable, kIsolations},
    {"isolation.Seatbelt", kTable},
    {"isolation.Seatbelt.profile_overrides", kStringOrNull},
    {"observer", kNameOrTable, kObservers},
    {"observer.FsEvents", kTable},
    {"observer.FsEvents.enable_snapshots", kBoolean},
    {"alerts", kTables},
    {"alerts.name", kString},
    {"alerts.event", kString, kDecisions},
    {"alerts.webhook_url", kString},
    {"alerts.decision", kString, kDecisions},
    {"alerts.action_kinds", kStrings, kKinds},
    {"alerts.path_glob", kString},
    {"alerts.principal", kString},
    {"alerts.cooldown_secs", kInteger},
    {"pilot", kTable},
    {"pilot.adapter", kNameOrTable, kAdapters},
    {"pilot.adapter.Generic", kTable},
    {"pilot.adapter.Generic.patterns", kTables},
    {"pilot.adapter.Generic.patterns.regex", kString},
    {"pilot.adapter.Generic.patterns.approve", kString},
    {"pilot.adapter.Generic.patterns.deny", kString},
    {"pilot.stall", kTable},
    {"pilot.stall.timeout_secs", kInteger},
    {"pilot.stall.max_nudges", kInteger},
    {"pilot.stall.nudge_message", kString},
    {"pilot.control", kTable},
    {"pilot.control.http_listen", kString},
    {"pilot.control.api_key", kString},
    {"pilot.control.poll_endpoint", kString},
    {"pilot.control.poll_interval_secs", kInteger},
    {"pilot.output_buffer_lines", kInteger},
    {"pilot.uncertain_action", kString, kAnswers},
    {"channel", kTable},
    {"channel.type", kString, kChannels},
    {"channel.bot_token", kString},
    {"channel.chat_id", kInteger},
    {"channel.poll_timeout_secs", kInteger},
    {"channel.allow_group_commands", kBoolean},
    {"usage_proxy", kTable},
    {"usage_proxy.enabled", kBoolean},
    {"usage_proxy.port", kInteger},
});

}  // namespace

const KeySpec* FindKey(std::string_view path) {
  const auto* const found = std::ranges::find(kKeys, path, &KeySpec::path);
  return found == kKeys.end() ? nullptr : found;
}

std::string_view NearestKey(std::string_view path) {
  std::array<std::string_view, kKeys.size()> paths;
  std::ranges::transform(kKeys, paths.begin(), &KeySpec::path);
  return Nearest(path, paths);
}

std::string_view KeyTypeName(KeyType type) {
  switch (type) {
    case kString:
    case kStringOrNull:
      return "a string";
    case kInteger:
      return "an integer";
    case kBoolean:
      return "true or false";
    case kStrings:
      return "an array of strings";
    case kTable:
      return "a table";
    case kTables:
      return "an array of tables";
    case kNameOrTable:
      break;
  }
  return "a name or a table";
}

}  // namespace aegis::config
