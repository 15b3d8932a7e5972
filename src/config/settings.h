#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/published_port.h"

namespace aegis::config {

// [ledger.witness]: where checkpoints go, and whose cosignatures count. Not looked into here.
struct WitnessSettings {
  std::vector<std::string> targets{};
  std::vector<std::string> keys{};
  std::optional<std::string> ca{};  // a file of certificate authorities
  bool required = false;

  friend bool operator==(const WitnessSettings&, const WitnessSettings&) = default;
};

// What an aegis.toml says, as it stands there: paths are not resolved, defaults not filled in.
// Paths are written in the escaped form of base::EscapeName, for TOML can't hold other bytes.
struct Settings {
  std::optional<std::string> name;
  std::optional<std::string> dir;
  std::optional<std::string> sandbox_dir;
  std::optional<std::string> ledger_path;
  std::optional<std::vector<std::string>> policy_paths;
  std::optional<std::vector<std::string>> env_pass;
  std::optional<std::vector<std::string>> private_dirs;
  std::optional<std::int64_t> max_age_days;  // [retention], of what the ledger says
  std::vector<std::string> masks;            // [ledger] mask: patterns, not looked into here
  std::optional<std::string> level;          // [ledger] level: "full" or "writes"
  std::optional<std::string> network;        // [ledger] network: "durable" or "ordered"
  WitnessSettings witness;
  std::string network_policy;  // what [[allowed_network]] permits, as Cedar (PermitsOf)
  std::vector<PublishedPort> published_ports;  // [[published_port]]
  // Top-level keys of other versions and later parts of Aegis that are set and have no effect here.
  std::vector<std::string> without_effect;
  // Values of other systems, and what stands for them here: "isolation = Seatbelt (namespaces,
  // ...)".
  std::vector<std::string> mapped;
};

// Reads an aegis.toml. `file` is its name in errors, which read "file:line:column: what".
// kInvalid for broken TOML, an unknown key, a value of the wrong type, an allowed_network that no
// connection could have, or a published_port that no machine could; nothing is guessed.
base::Result<Settings> ParseSettings(std::string_view toml, std::string_view file);

// The directories that are private to a run unless a configuration says otherwise.
std::vector<std::string> UsualPrivateDirs();

// What of a new configuration's aegis.toml varies.
struct NewSettings {
  std::string_view name;
  std::optional<std::string> dir;
  std::vector<std::string> private_dirs = UsualPrivateDirs();
};

// The aegis.toml of a new configuration; ParseSettings reads it back.
std::string RenderSettings(const NewSettings& settings);

// A TOML basic string, quotes included. `text` must be valid UTF-8.
std::string TomlString(std::string_view text);

}  // namespace aegis::config
