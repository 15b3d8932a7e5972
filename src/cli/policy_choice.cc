#include "cli/policy_choice.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/question.h"
#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/policies.h"
#include "config/config.h"
#include "decision/decision.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using policy::Action;

// A path with its aliases resolved, in bytes; relative ones count from the working directory.
base::Result<std::string> Absolute(const policy::Names& names, const std::string& given) {
  const auto below = [&given](std::string_view alias, const std::string& path) {
    return base::UnescapeName(path) + given.substr(alias.size());
  };
  const auto is = [&given](std::string_view alias) {
    return given.starts_with(alias) && (given.size() == alias.size() || given[alias.size()] == '/');
  };
  if (given.empty() || given.find('\0') != std::string::npos) {
    return base::Fail(base::Errc::kInvalid, "an empty name names nothing");
  }
  if (is("~")) {
    return below("~", names.home);
  }
  if (is("@dir")) {
    return below("@dir", names.dir);
  }
  if (given.starts_with('/')) {
    return given;
  }
  AEGIS_ASSIGN(const std::string here, base::CanonicalPath("."));
  return here + "/" + given;
}

// The entries of /proc by which a program names itself are judged by that name.
bool NamesItself(std::string_view path) {
  for (const std::string_view own : {"/proc/self", "/proc/thread-self"}) {
    if (path.starts_with(own) && (path.size() == own.size() || path[own.size()] == '/')) {
      return true;
    }
  }
  return false;
}

// Follows a path component by component, as far as it exists.
std::string Followed(const std::string& path, bool follow_last) {
  std::string at;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = std::string_view(path).substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      at.resize(at.empty() ? 0 : at.rfind('/'));
      continue;
    }
    at.append("/").append(part);
    if ((end == path.size() && !follow_last) || NamesItself(at)) {
      continue;
    }
    if (auto found = base::CanonicalPath(at)) {
      at = *found == "/" ? std::string() : *std::move(found);
    }
  }
  return at.empty() ? "/" : at;
}

// " (did you mean ...?)", or some of the actions that there are.
std::string Meant(std::string_view word) {
  std::array<std::string_view, policy::kActionCount> names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names.at(i) = policy::ActionName(static_cast<Action>(i));
  }
  const std::string_view nearest = config::Nearest(word, names);
  return nearest.empty() ? " (FileRead, FileWrite, NetConnect, ...)"
                         : " (did you mean \"" + std::string(nearest) + "\"?)";
}

base::Result<policy::Names> NamesFor(const Places& places, const std::string& agent,
                                     const std::optional<std::string>& dir) {
  AEGIS_ASSIGN(policy::Names names, PolicyNames(agent, places.user_home, dir));
  names.leads_to = policy::LeadsTo;
  return names;
}

}  // namespace

base::Result<PoliciesInQuestion> FindPolicies(const Context& context, const Args& args,
                                              const std::optional<std::string>& policy) {
  AEGIS_ASSIGN(Places places, FindPlaces(context));
  const auto dir = args.Text("--dir");
  if (policy) {
    AEGIS_ASSIGN(const std::string agent, ChooseName(places.home, args.Text("--config")));
    AEGIS_ASSIGN(PolicyChoice choice, ChoosePolicy(*policy));
    AEGIS_ASSIGN(policy::Names names, NamesFor(places, agent, dir));
    return PoliciesInQuestion{.places = std::move(places),
                              .configuration = std::nullopt,
                              .sources = std::move(choice.sources),
                              .names = std::move(names)};
  }
  AEGIS_ASSIGN(config::Configuration configuration, LoadChosen(places, args.Text("--config")));
  AEGIS_ASSIGN(auto sources, ConfiguredPolicies(configuration));
  AEGIS_ASSIGN(policy::Names names,
               NamesFor(places, configuration.name, dir ? dir : configuration.dir));
  return PoliciesInQuestion{.places = std::move(places),
                            .configuration = std::move(configuration),
                            .sources = std::move(sources),
                            .names = std::move(names)};
}

base::Result<policy::PolicySet> LoadThem(const PoliciesInQuestion& chosen) {
  const std::optional<std::string> state_dir =
      chosen.configuration ? std::optional(chosen.configuration->state_dir) : std::nullopt;
  return LoadPolicies(chosen.sources, chosen.names, state_dir);
}

decision::Guards GuardsOf(const Places& places, bool closed) {
  return {.network_closed = closed, .aegis_state = {base::EscapeName(places.home.path())}};
}

base::Result<std::string> ResourceName(const Context& context, const policy::Names& names,
                                       Action action, const std::string& given) {
  if (!advice::NamesPaths(action)) {
    return base::EscapeName(given);
  }
  std::string path = given;
  const bool program = action == Action::kProcessSpawn || action == Action::kProcessExit;
  if (program && !path.empty() && path.find('/') == std::string::npos && !path.starts_with('~') &&
      !path.starts_with('@')) {
    AEGIS_ASSIGN(path,
                 config::ResolveProgram(given, config::FindVariable(context.environment, "PATH")));
  }
  AEGIS_ASSIGN(path, Absolute(names, path));
  return base::EscapeName(Followed(path, action != Action::kFileDelete));
}

base::Result<advice::Question> QuestionOf(const Context& context, const Args& args,
                                          const policy::Names& names) {
  const std::string word = args.Text("ACTION").value_or("");
  const auto action = policy::ParseAction(word);
  if (!action) {
    return base::Fail(base::Errc::kInvalid, "there is no action \"" + word + "\"" + Meant(word));
  }
  advice::Question question{.action = *action};
  AEGIS_ASSIGN(question.resource,
               ResourceName(context, names, *action, args.Text("RESOURCE").value_or("")));
  if (const auto exe = args.Text("--exe")) {
    AEGIS_ASSIGN(question.exe, ResourceName(context, names, Action::kProcessSpawn, *exe));
  }
  for (const std::string& argument : args.Texts("--argv")) {
    question.argv.push_back(base::EscapeName(argument));
  }
  question.pid = static_cast<std::int64_t>(args.Number("--pid").value_or(1));
  question.protocol = args.Text("--protocol").value_or("");
  AEGIS_TRY(advice::CheckName(question));
  return question;
}

nlohmann::ordered_json PolicyRef(const policy::PolicySet::Info& info) {
  return {{"id", info.id},
          {"effect", info.forbid ? "forbid" : "permit"},
          {"file", info.file},
          {"line", info.line},
          {"reason", info.reason}};
}

std::vector<const policy::PolicySet::Info*> WithIds(const policy::PolicySet& policies,
                                                    std::span<const std::string> ids) {
  std::vector<const policy::PolicySet::Info*> found;
  for (const policy::PolicySet::Info& info : policies.policies()) {
    if (std::ranges::find(ids, info.id) != ids.end()) {
      found.push_back(&info);
    }
  }
  return found;
}

std::string PolicyLine(const policy::PolicySet::Info& info) {
  std::string line = info.forbid ? "forbid  " : "permit  ";
  line += info.id + "  " + info.file + ":" + std::to_string(info.line);
  if (!info.reason.empty()) {
    line += "  (" + info.reason + ")";
  }
  return base::ForDisplay(line);
}

}  // namespace aegis::cli
