#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "policy/policy.h"

namespace aegis::cli {

// The policies that `--policy` chose: a template (with what programs need to start, unless it
// permits nothing), or a file or directory of policies, which stand as they are.
struct PolicyChoice {
  std::string name;  // as given
  bool is_template = false;
  std::vector<policy::Source> sources;
};

bool IsTemplate(std::string_view name);

// For messages: the name that is no template, in quotes, what may have been meant, and what there
// is.
std::string TemplateHint(std::string_view name);

// kNotFound, with the names of the templates, if there is neither a template nor a file.
base::Result<PolicyChoice> ChoosePolicy(const std::string& template_or_file);

// The directories that a run under this policy gets empty ones of. `project` writes to /tmp and kin
// and means private ones; any other policy means the host's, as far as it permits them.
std::vector<std::string> PrivateDirs(const PolicyChoice& choice);

// The names that policies resolve their aliases by. `dir` empty: the working directory.
base::Result<policy::Names> PolicyNames(const std::string& agent, const std::string& user_home,
                                        const std::optional<std::string>& dir);

// Policy files, or directories of them; see config::ReadPolicyFiles.
base::Result<std::vector<policy::Source>> ReadSources(const std::vector<std::string>& paths);

// What the [[allowed_network]] of a configuration permit, as a policy file of its own under the
// name of its aegis.toml; nothing if there is none.
std::vector<policy::Source> AllowedNetworks(const config::Configuration& configuration);

// The policies of a configuration as they stand in its files, with AllowedNetworks() behind them.
base::Result<std::vector<policy::Source>> ConfiguredPolicies(
    const config::Configuration& configuration);

// Makes $AEGIS_HOME/NAME: aegis.toml, policies/, sandbox/ and an empty ledger. The policies are
// checked first. kExists, and nothing is changed, if there is such a configuration, or if another
// process made it meanwhile.
struct NewConfiguration {
  std::string name;
  std::optional<std::string> dir;  // canonical
  PolicyChoice policy;
};
base::Result<> CreateConfiguration(const config::Home& home, const std::string& user_home,
                                   const NewConfiguration& wanted);

}  // namespace aegis::cli
