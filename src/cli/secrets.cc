#include "cli/secrets.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

constexpr std::string_view kTemplate = "project";
constexpr std::string_view kPrefix = "project.secret.";

}  // namespace

base::Result<SecretPlaces> SecretPlaces::Load(const policy::Names& names) {
  AEGIS_ASSIGN(const std::string_view text, policy::TemplateText(kTemplate));
  AEGIS_ASSIGN(
      policy::PolicySet project,
      policy::PolicySet::Load(
          {{.file = std::string(kTemplate) + ".cedar", .text = std::string(text)}}, names));
  return SecretPlaces(std::move(project));
}

bool SecretPlaces::Contains(std::string_view path) {
  const std::uint64_t of = project_.ClassOf(path);
  if (of == policy::PolicySet::kNotCanonical) {
    return false;
  }
  // A policy that reads more of a path than where it lies gives each path an answer of its own.
  if (project_.reads(policy::Action::kFileRead).path) {
    return Ask(path);
  }
  auto known = by_class_.find(of);
  if (known == by_class_.end()) {
    known = by_class_.emplace(of, Ask(path)).first;
  }
  return known->second;
}

bool SecretPlaces::Ask(std::string_view path) const {
  const policy::Verdict verdict =
      project_.Evaluate({.action = policy::Action::kFileRead, .resource = path});
  return verdict.outcome == policy::Outcome::kForbid &&
         std::ranges::any_of(verdict.policies,
                             [](const std::string& id) { return id.starts_with(kPrefix); });
}

}  // namespace aegis::cli
