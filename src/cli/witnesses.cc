#include "cli/witnesses.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/context.h"
#include "config/config.h"
#include "witness/witness.h"

namespace aegis::cli {
namespace {

template <typename T>
void AddOnce(std::vector<T>& list, T value) {
  if (std::ranges::find(list, value) == list.end()) {
    list.push_back(std::move(value));
  }
}

// Paths in aegis.toml are escaped, and count from its directory or from the user's home.
base::Result<witness::Target> ConfiguredTarget(const Places& places,
                                               const config::Configuration& configuration,
                                               const std::string& text) {
  AEGIS_ASSIGN(witness::Target target, witness::ParseTarget(base::UnescapeName(text)));
  if (auto* const file = std::get_if<witness::FileTarget>(&target)) {
    if (file->path.starts_with("~/")) {
      file->path.replace(0, 1, places.user_home);
    } else if (!file->path.starts_with('/')) {
      file->path.insert(0, configuration.state_dir + "/");
    }
  }
  return target;
}

base::Result<witness::Settings> Configured(const Places& places,
                                           const config::Configuration& configuration) {
  witness::Settings settings;
  settings.required = configuration.witness.required;
  settings.ca_file = configuration.witness.ca.value_or("");
  for (const std::string& text : configuration.witness.targets) {
    AEGIS_ASSIGN(auto target, ConfiguredTarget(places, configuration, text));
    AddOnce(settings.targets, std::move(target));
  }
  for (const std::string& text : configuration.witness.keys) {
    AEGIS_ASSIGN(auto key, witness::ParseWitnessKey(text));
    AddOnce(settings.keys, std::move(key));
  }
  return settings;
}

}  // namespace

WitnessFlags WitnessFlagsOf(const Args& args) {
  return {.targets = args.Texts("--witness"), .keys = args.Texts("--witness-key")};
}

base::Result<witness::Settings> ChooseWitnesses(const Places& places,
                                                const config::Configuration& configuration,
                                                const WitnessFlags& flags) {
  auto configured = Configured(places, configuration);
  if (!configured) {
    return base::Fail(std::move(configured).error().Within(base::EscapeName(configuration.file)));
  }
  witness::Settings settings = std::move(*configured);
  for (const std::string& text : flags.targets) {
    AEGIS_ASSIGN(auto target, witness::ParseTarget(text));
    AddOnce(settings.targets, std::move(target));
  }
  for (const std::string& text : flags.keys) {
    auto key = witness::ParseWitnessKey(text);
    if (!key) {
      return base::Fail(std::move(key).error().Within("--witness-key"));
    }
    AddOnce(settings.keys, std::move(*key));
  }
  return settings;
}

}  // namespace aegis::cli
