#include "config/settings.h"

#define TOML_HEADER_ONLY 1
// An assertion of the library stands before the check that reports the same as an error ("[=").
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "config/allowed_network.h"
#include "config/keys.h"
#include "config/nearest.h"
#include "config/published_port.h"
#include "config/toml_scan.h"

namespace aegis::config {
namespace {

std::string Position(std::string_view file, const toml::source_region& where) {
  return std::string(file) + ":" + std::to_string(where.begin.line) + ":" +
         std::to_string(where.begin.column) + ": ";
}

bool IsStrings(const toml::node& node) {
  const toml::array* const array = node.as_array();
  return array != nullptr &&
         std::ranges::all_of(*array, [](const toml::node& element) { return element.is_string(); });
}

bool HasType(const toml::node& node, KeyType type) {
  switch (type) {
    case KeyType::kString:
      return node.is_string();
    case KeyType::kInteger:
      return node.is_integer();
    case KeyType::kBoolean:
      return node.is_boolean();
    case KeyType::kStringOrNull:
      return node.is_string() || std::isnan(node.value_or(0.0));
    case KeyType::kStrings:
      return IsStrings(node);
    case KeyType::kTable:
      return node.is_table();
    case KeyType::kTables:
      return node.is_array_of_tables() || (node.as_array() != nullptr && node.as_array()->empty());
    case KeyType::kNameOrTable:
      return node.is_string() || node.is_table();
  }
  return false;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

class Checker {
 public:
  explicit Checker(std::string_view file) : file_(file) {}

  // Every key of the table must be known and of its type. `prefix` is "" or ends with a dot.
  base::Result<> Check(const toml::table& table, const std::string& prefix) const {
    for (auto&& [key, node] : table) {
      AEGIS_TRY(CheckOne(key, node, prefix + std::string(key.str())));
    }
    return {};
  }

 private:
  base::Result<> CheckOne(const toml::key& key, const toml::node& node,
                          const std::string& path) const {
    const KeySpec* const spec = FindKey(path);
    if (spec == nullptr) {
      const std::string_view nearest = NearestKey(path);
      return base::Fail(
          base::Errc::kInvalid,
          Position(file_, key.source()) + "unknown key \"" + path + "\"" +
              (nearest.empty() ? "" : " (did you mean \"" + std::string(nearest) + "\"?)"));
    }
    if (!HasType(node, spec->type)) {
      return base::Fail(base::Errc::kInvalid, Position(file_, node.source()) + "\"" + path +
                                                  "\" must be " +
                                                  std::string(KeyTypeName(spec->type)));
    }
    if (const toml::table* const table = node.as_table()) {
      return Check(*table, path + ".");
    }
    if (spec->type == KeyType::kTables || spec->type == KeyType::kStrings) {
      return CheckElements(*spec, *node.as_array(), path);
    }
    return CheckChoice(*spec, node, path);
  }

  base::Result<> CheckElements(const KeySpec& spec, const toml::array& array,
                               const std::string& path) const {
    for (const toml::node& element : array) {
      if (const toml::table* const table = element.as_table()) {
        AEGIS_TRY(Check(*table, path + "."));
      } else {
        AEGIS_TRY(CheckChoice(spec, element, path));
      }
    }
    return {};
  }

  base::Result<> CheckChoice(const KeySpec& spec, const toml::node& node,
                             const std::string& path) const {
    const std::string value = Lower(node.value_or(std::string()));
    const auto is_value = [&](std::string_view choice) { return Lower(choice) == value; };
    if (spec.choices.empty() || std::ranges::any_of(spec.choices, is_value)) {
      return {};
    }
    std::string known;
    for (const std::string_view choice : spec.choices) {
      known.append(known.empty() ? "" : ", ").append(choice);
    }
    const std::string_view nearest = Nearest(node.value_or(std::string()), spec.choices);
    return base::Fail(
        base::Errc::kInvalid,
        Position(file_, node.source()) + "\"" + path + "\" must be one of " + known +
            (nearest.empty() ? "" : " (did you mean \"" + std::string(nearest) + "\"?)"));
  }

  std::string_view file_;
};

std::optional<std::string> String(const toml::table& table, std::string_view key) {
  return table[key].value<std::string>();
}

std::optional<std::vector<std::string>> Strings(const toml::table& table, std::string_view key) {
  const toml::array* const array = table[key].as_array();
  if (array == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> strings;
  for (const toml::node& element : *array) {
    strings.push_back(element.value_or(std::string()));
  }
  return strings;
}

// What may be written as one (`key`) or as several (`keys`).
std::vector<std::string> OneOrMore(const toml::table& table, std::string_view one,
                                   std::string_view several) {
  std::vector<std::string> all = Strings(table, several).value_or(std::vector<std::string>{});
  if (auto single = String(table, one)) {
    all.insert(all.begin(), std::move(*single));
  }
  return all;
}

WitnessSettings Witness(const toml::table& table) {
  const toml::table* const witness = table["ledger"]["witness"].as_table();
  if (witness == nullptr) {
    return {};
  }
  return {.targets = OneOrMore(*witness, "target", "targets"),
          .keys = OneOrMore(*witness, "key", "keys"),
          .ca = String(*witness, "ca"),
          .required = (*witness)["required"].value_or(false)};
}

std::vector<std::string> Masks(const toml::table& table) {
  const toml::table* const ledger = table["ledger"].as_table();
  return ledger == nullptr ? std::vector<std::string>{}
                           : Strings(*ledger, "mask").value_or(std::vector<std::string>{});
}

std::optional<std::string> LedgerWord(const toml::table& table, std::string_view key) {
  const auto word = table["ledger"][key].value<std::string>();
  return word ? std::optional(Lower(*word)) : std::nullopt;
}

std::optional<std::string> Level(const toml::table& table) { return LedgerWord(table, "level"); }

// What [[allowed_network]] permits, as Cedar.
base::Result<std::string> NetworkPolicy(const toml::table& table, std::string_view file) {
  std::vector<AllowedNetwork> all;
  const toml::array* const array = table["allowed_network"].as_array();
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const toml::table& one = *array->get(i)->as_table();
    const std::string place = Position(file, one.source());
    const auto host = String(one, "host");
    if (!host) {
      return base::Fail(base::Errc::kInvalid, place + "\"allowed_network.host\" is missing");
    }
    const auto protocol = String(one, "protocol");
    all.push_back({.host = *host,
                   .port = one["port"].value<std::int64_t>(),
                   .protocol = protocol ? std::optional(Lower(*protocol)) : std::nullopt,
                   .opaque = one["opaque"].value<bool>(),
                   .line = one.source().begin.line});
    if (const auto checked = PlaceOf(all.back()); !checked) {
      return base::Fail(base::Errc::kInvalid, place + checked.error().message());
    }
  }
  return PermitsOf(all);
}

base::Result<std::vector<PublishedPort>> PublishedPorts(const toml::table& table,
                                                        std::string_view file) {
  std::vector<PublishedPort> all;
  const toml::array* const array = table["published_port"].as_array();
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const toml::table& one = *array->get(i)->as_table();
    const auto published = ReadPublishedPort({.port = one["port"].value<std::int64_t>(),
                                              .host_port = one["host_port"].value<std::int64_t>(),
                                              .address = String(one, "address")});
    if (!published) {
      return base::Fail(base::Errc::kInvalid,
                        Position(file, one.source()) + published.error().message());
    }
    all.push_back(*published);
  }
  return all;
}

bool IsEmpty(const toml::node_view<const toml::node>& node) {
  return (node.is_array() && node.as_array()->empty()) ||
         (node.is_table() && node.as_table()->empty());
}

std::vector<std::string> WithoutEffect(const toml::table& table) {
  constexpr std::array<std::string_view, 5> kLater = {"schema_path", "alerts", "pilot", "channel",
                                                      "usage_proxy"};
  std::vector<std::string> keys;
  for (const std::string_view key : kLater) {
    if (const auto node = table[key]; node && !IsEmpty(node)) {
      keys.emplace_back(key);
    }
  }
  return keys;
}

// A value of macOS, and what holds here instead. `value` is in lower case.
struct Mapping {
  std::string_view key;
  std::string_view value;
  std::string_view here;
};

constexpr auto kMappings = std::to_array<Mapping>({
    {"isolation", "seatbelt", "Seatbelt (namespaces, Landlock and seccomp)"},
    {"isolation", "process", "Process (`run` enforces all the same, `wrap` records)"},
    {"isolation", "none", "None (`run` enforces all the same, `wrap` records)"},
    {"observer", "fsevents", "FsEvents (the gate records each action)"},
    {"observer", "endpointsecurity", "EndpointSecurity (the gate records each action)"},
    {"observer", "none", "None (the gate records each action all the same)"},
});

bool Says(const toml::node_view<const toml::node>& node, const Mapping& mapping) {
  if (const toml::table* const table = node.as_table()) {
    return std::ranges::any_of(
        *table, [&](const auto& pair) { return Lower(pair.first.str()) == mapping.value; });
  }
  return node.is_string() && Lower(node.value_or(std::string())) == mapping.value;
}

std::vector<std::string> Mapped(const toml::table& table) {
  std::vector<std::string> notes;
  for (const Mapping& mapping : kMappings) {
    if (const auto node = table[mapping.key]; node && Says(node, mapping)) {
      notes.push_back(std::string(mapping.key) + " = " + std::string(mapping.here));
    }
  }
  return notes;
}

// The library's exceptions end here.
base::Result<toml::table> Parse(std::string_view toml, std::string_view file) {
  try {
    return toml::parse(toml);
  } catch (const toml::parse_error& error) {
    return base::Fail(base::Errc::kInvalid,
                      Position(file, error.source()) + std::string(error.description()));
  }
}

}  // namespace

base::Result<Settings> ParseSettings(std::string_view toml, std::string_view file) {
  if (!base::IsValidUtf8(toml)) {
    return base::Fail(base::Errc::kInvalid, std::string(file) + ": not valid UTF-8");
  }
  if (const auto stray = FindStrayCharacter(toml)) {
    return base::Fail(base::Errc::kInvalid,
                      std::string(file) + ":" + std::to_string(stray->line) + ":" +
                          std::to_string(stray->column) +
                          ": characters beyond ASCII belong in strings of one line or comments");
  }
  AEGIS_ASSIGN(const toml::table table, Parse(WithoutNulls(toml), file));
  AEGIS_TRY(Checker(file).Check(table, ""));
  AEGIS_ASSIGN(std::string network_policy, NetworkPolicy(table, file));
  AEGIS_ASSIGN(std::vector<PublishedPort> published_ports, PublishedPorts(table, file));
  return Settings{
      .name = String(table, "name"),
      .dir = String(table, "dir"),
      .sandbox_dir = String(table, "sandbox_dir"),
      .ledger_path = String(table, "ledger_path"),
      .policy_paths = Strings(table, "policy_paths"),
      .env_pass = Strings(table, "env_pass"),
      .private_dirs = Strings(table, "private_dirs"),
      .max_age_days = table["retention"]["max_age_days"].value<std::int64_t>(),
      .masks = Masks(table),
      .level = Level(table),
      .network = LedgerWord(table, "network"),
      .witness = Witness(table),
      .network_policy = std::move(network_policy),
      .published_ports = std::move(published_ports),
      .without_effect = WithoutEffect(table),
      .mapped = Mapped(table),
  };
}

std::string TomlString(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xfU];
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::vector<std::string> UsualPrivateDirs() { return {"/tmp", "/var/tmp", "/dev/shm"}; }

std::string RenderSettings(const NewSettings& settings) {
  const std::optional<std::string>& dir = settings.dir;
  std::string private_dirs;
  for (const std::string& directory : settings.private_dirs) {
    private_dirs += (private_dirs.empty() ? "" : ", ") + TomlString(directory);
  }
  std::string out;
  out += "# A configuration of Aegis. Relative paths count from the directory of this file.\n";
  out += "name = " + TomlString(settings.name) + "\n";
  out += "policy_paths = [\"policies\"]\n";
  out += "ledger_path = \"audit.db\"\n";
  out += "sandbox_dir = \"sandbox\"\n\n";
  out += "# The project, which policies call \"@dir\". Without it: where the run is started.\n";
  out +=
      (dir ? "dir = " + TomlString(base::EscapeName(*dir)) : std::string("# dir = \"/srv/app\"")) +
      "\n\n";
  out += "# Environment variables that `aegis run` would drop as credentials, but hands over.\n";
  out += "env_pass = []\n\n";
  out += "# Directories of which each run gets an empty one of its own.\n";
  out += "private_dirs = [" + private_dirs + "]\n\n";
  out +=
      "# Regular expressions of secrets that must not enter the ledger, besides the known ones.\n";
  out += "# [ledger]\n# mask = [\"ACME-[0-9]{8}\"]\n\n";
  out += "# After so many days what an entry of the ledger says is erased; its hash stays.\n";
  out += "# [retention]\n# max_age_days = 90\n";
  return out;
}

}  // namespace aegis::config
