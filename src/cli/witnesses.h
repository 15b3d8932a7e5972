#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/context.h"
#include "config/config.h"
#include "witness/settings.h"

namespace aegis::cli {

// What `run` and `wrap` take of witnesses, for their tables of options.
inline constexpr Option kWitnessOption = {
    "--witness", Option::Kind::kTexts, "TARGET",
    "Where checkpoints go too: an http(s):// URL, a file, or syslog"};
inline constexpr Option kWitnessKeyOption = {"--witness-key", Option::Kind::kTexts, "KEY",
                                             "The verifier key of a witness"};

// What was given of them.
struct WitnessFlags {
  std::vector<std::string> targets{};
  std::vector<std::string> keys{};
};
WitnessFlags WitnessFlagsOf(const Args& args);

// The witnesses of a configuration and those of the command line besides. A file counts from the
// directory of aegis.toml, or from the working directory. kInvalid for a target or key that is
// none, whichever names it.
base::Result<witness::Settings> ChooseWitnesses(const Places& places,
                                                const config::Configuration& configuration,
                                                const WitnessFlags& flags);

}  // namespace aegis::cli
