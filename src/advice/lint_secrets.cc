#include "advice/lint_secrets.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/places.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::advice {
namespace {

using policy::Action;
using policy::Outcome;
using policy::PolicySet;

// A path that a place of the template holds: of a name group one in the project.
std::string Example(const PolicySet::Place& place, const policy::Names& names) {
  if (!place.name.starts_with("*/")) {
    return place.name;
  }
  std::string name = place.name.substr(std::string_view("*").size());
  std::ranges::replace(name, '*', 'x');
  return (names.dir == "/" ? "" : names.dir) + name;
}

// The number of the permit that a verdict names first.
std::size_t FirstOf(const PolicySet& policies, const policy::Verdict& verdict) {
  const auto found =
      std::ranges::find(policies.policies(), verdict.policies.front(), &PolicySet::Info::id);
  return static_cast<std::size_t>(found - policies.policies().begin());
}

}  // namespace

std::vector<SecretFinding> FindSecrets(const PolicySet& policies, const policy::Names& names) {
  std::vector<SecretFinding> findings;
  const auto text = policy::TemplateText("project");
  if (!text) {
    return findings;
  }
  const auto project =
      PolicySet::Load({{.file = "project.cedar", .text = std::string(*text)}}, names);
  if (!project) {
    return findings;
  }
  std::map<std::pair<std::size_t, bool>, std::vector<std::string>> opened;
  for (const PolicySet::Info& info : project->policies()) {
    const bool write = !info.Covers(Action::kFileRead);
    for (const PolicySet::Place& place : info.places) {
      if (!info.forbid || place.name.starts_with("/proc/")) {
        continue;
      }
      const std::string path = Example(place, names);
      const policy::Verdict verdict = policies.Evaluate(
          {.action = write ? Action::kFileWrite : Action::kFileRead, .resource = path});
      if (verdict.outcome == Outcome::kPermit) {
        opened[{FirstOf(policies, verdict), write}].push_back(Aliased(place.name, names));
      }
    }
  }
  findings.reserve(opened.size());
  for (auto& [key, places] : opened) {
    findings.push_back({.policy = key.first, .write = key.second, .places = std::move(places)});
  }
  return findings;
}

}  // namespace aegis::advice
