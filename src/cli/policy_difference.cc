#include "cli/policy_difference.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/stored_policies.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

// Names and contents, in order; a name that comes again is told apart by a number.
using Versions = std::vector<std::pair<std::string, std::string>>;

const std::string* Find(const Versions& versions, const std::string& name) {
  const auto found = std::ranges::find(versions, name, &Versions::value_type::first);
  return found == versions.end() ? nullptr : &found->second;
}

void Add(Versions& versions, const std::string& name, const std::string& content) {
  std::string unique = name;
  for (int number = 2; Find(versions, unique) != nullptr; ++number) {
    unique = name + " (" + std::to_string(number) + ")";
  }
  versions.emplace_back(std::move(unique), content);
}

Changes Between(const Versions& before, const Versions& now) {
  Changes changes;
  for (const auto& [name, content] : now) {
    if (const std::string* const old = Find(before, name); old == nullptr) {
      changes.added.push_back(name);
    } else if (*old != content) {
      changes.changed.push_back(name);
    }
  }
  for (const auto& [name, content] : before) {
    if (Find(now, name) == nullptr) {
      changes.removed.push_back(name);
    }
  }
  return changes;
}

Versions FilesOf(const ledger::StoredPolicySet& set) {
  Versions files;
  for (const ledger::PolicyText& text : set.texts) {
    Add(files, text.file, text.text);
  }
  return files;
}

std::optional<Versions> PoliciesOf(const ledger::StoredPolicySet& set, const LoadSources& load) {
  const auto loaded = load(SourcesOf(set));
  if (!loaded) {
    return std::nullopt;
  }
  Versions policies;
  for (const policy::PolicySet::Info& info : loaded->policies()) {
    Add(policies, info.id, info.text);
  }
  return policies;
}

}  // namespace

PolicyDifference Compare(const ledger::StoredPolicySet& before, const ledger::StoredPolicySet& now,
                         const LoadSources& load) {
  PolicyDifference difference{.files = Between(FilesOf(before), FilesOf(now))};
  const auto old_policies = PoliciesOf(before, load);
  const auto new_policies = PoliciesOf(now, load);
  if (old_policies && new_policies) {
    difference.policies = Between(*old_policies, *new_policies);
  }
  return difference;
}

}  // namespace aegis::cli
