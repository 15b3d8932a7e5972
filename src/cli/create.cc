#include "cli/create.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/policies.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr std::string_view kPermitsNothing = "default-deny";

base::Result<PolicyChoice> ChooseTemplate(const std::string& name) {
  PolicyChoice choice{.name = name, .is_template = true, .sources = {}};
  AEGIS_ASSIGN(const std::string_view text, policy::TemplateText(name));
  choice.sources.push_back({.file = "template " + name, .text = std::string(text)});
  if (name != kPermitsNothing) {
    AEGIS_ASSIGN(const std::string_view programs, policy::ProgramsText());
    choice.sources.push_back({.file = "template programs", .text = std::string(programs)});
  }
  return choice;
}

std::vector<policy::Source> AsSources(std::vector<config::PolicyFile> files) {
  std::vector<policy::Source> sources;
  sources.reserve(files.size());
  for (config::PolicyFile& file : files) {
    sources.push_back({.file = std::move(file.path), .text = std::move(file.text)});
  }
  return sources;
}

// default.cedar and programs.cedar for a template or a single file; of several files each keeps its
// place in the order.
std::string FileName(const PolicyChoice& choice, std::size_t index) {
  if (choice.is_template || choice.sources.size() == 1) {
    return index == 0 ? "default.cedar" : "programs.cedar";
  }
  std::string number = std::to_string(index);
  return std::string(4 - std::min<std::size_t>(number.size(), 4), '0') + number + ".cedar";
}

base::Result<> Fill(const std::string& directory, const NewConfiguration& wanted) {
  for (const char* name : {"/policies", "/sandbox"}) {
    AEGIS_TRY(base::MakeDirectories(directory + name, kPrivateDirectory));
  }
  AEGIS_TRY(base::WriteFileAtomic(
      directory + "/aegis.toml",
      config::RenderSettings(
          {.name = wanted.name, .dir = wanted.dir, .private_dirs = PrivateDirs(wanted.policy)}),
      kPrivateFile));
  for (std::size_t i = 0; i < wanted.policy.sources.size(); ++i) {
    AEGIS_TRY(base::WriteFileAtomic(directory + "/policies/" + FileName(wanted.policy, i),
                                    wanted.policy.sources[i].text, kPrivateFile));
  }
  // Opened and closed again: the file must be whole before it gets its place.
  AEGIS_TRY(ledger::Ledger::Open(directory, ledger::Ledger::Mode::kCreate));
  return {};
}

}  // namespace

std::vector<std::string> PrivateDirs(const PolicyChoice& choice) {
  return choice.is_template && choice.name == "project" ? config::UsualPrivateDirs()
                                                        : std::vector<std::string>{};
}

bool IsTemplate(std::string_view name) {
  const auto names = policy::TemplateNames();
  return std::ranges::find(names, name) != names.end();
}

std::string TemplateHint(std::string_view name) {
  const auto names = policy::TemplateNames();
  std::string known;
  for (const std::string_view one : names) {
    known.append(known.empty() ? "" : ", ").append(one);
  }
  const std::string_view nearest = config::Nearest(name, names);
  return "\"" + base::EscapeName(name) + "\"" +
         (nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?") +
         " (templates: " + known + ")";
}

base::Result<PolicyChoice> ChoosePolicy(const std::string& template_or_file) {
  if (IsTemplate(template_or_file)) {
    return ChooseTemplate(template_or_file);
  }
  auto files = config::ReadPolicyFiles({template_or_file});
  if (files) {
    return PolicyChoice{.name = template_or_file, .sources = AsSources(std::move(*files))};
  }
  if (files.error().code() == base::Errc::kNotFound &&
      template_or_file.find('/') == std::string::npos) {
    return base::Fail(base::Errc::kNotFound,
                      "no policy template or file " + TemplateHint(template_or_file));
  }
  return base::Fail(std::move(files).error());
}

base::Result<policy::Names> PolicyNames(const std::string& agent, const std::string& user_home,
                                        const std::optional<std::string>& dir) {
  AEGIS_ASSIGN(const std::string directory, base::CanonicalPath(dir.value_or(".")));
  return policy::Names{
      .agent = agent, .home = base::EscapeName(user_home), .dir = base::EscapeName(directory)};
}

base::Result<std::vector<policy::Source>> ReadSources(const std::vector<std::string>& paths) {
  AEGIS_ASSIGN(auto files, config::ReadPolicyFiles(paths));
  return AsSources(std::move(files));
}

std::vector<policy::Source> AllowedNetworks(const config::Configuration& configuration) {
  if (configuration.network_policy.empty()) {
    return {};
  }
  return {{.file = base::EscapeName(configuration.file), .text = configuration.network_policy}};
}

base::Result<std::vector<policy::Source>> ConfiguredPolicies(
    const config::Configuration& configuration) {
  AEGIS_ASSIGN(auto sources, ReadSources(configuration.policy_paths));
  std::ranges::move(AllowedNetworks(configuration), std::back_inserter(sources));
  return sources;
}

base::Result<> CreateConfiguration(const config::Home& home, const std::string& user_home,
                                   const NewConfiguration& wanted) {
  AEGIS_TRY(config::CheckName(wanted.name));
  if (home.Has(wanted.name)) {
    return base::Fail(base::Errc::kExists,
                      "configuration \"" + wanted.name + "\" exists already, nothing was changed");
  }
  AEGIS_ASSIGN(const policy::Names names, PolicyNames(wanted.name, user_home, wanted.dir));
  if (!wanted.policy.is_template) {
    AEGIS_TRY(CheckPolicies(wanted.policy.sources, names, std::nullopt));
  }
  AEGIS_ASSIGN(config::Staging staging, config::Staging::Begin(home));
  AEGIS_TRY(Fill(staging.path(), wanted));
  return staging.Publish(wanted.name);
}

}  // namespace aegis::cli
