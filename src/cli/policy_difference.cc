#include "cli/policy_difference.h"

#include <cstddef>
#include <map>
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
class Versions {
 public:
  using Row = std::pair<std::string, std::string>;

  void Add(const std::string& name, const std::string& content) {
    const std::size_t times = ++times_[name];
    rows_.emplace_back(times == 1 ? name : name + " (" + std::to_string(times) + ")", content);
    contents_.emplace(rows_.back().first, content);
  }

  const std::vector<Row>& rows() const { return rows_; }
  const std::string* Find(const std::string& name) const {
    const auto found = contents_.find(name);
    return found == contents_.end() ? nullptr : &found->second;
  }

 private:
  std::vector<Row> rows_;
  std::map<std::string, std::string> contents_;
  std::map<std::string, std::size_t> times_;
};

Changes Between(const Versions& before, const Versions& now) {
  Changes changes;
  for (const auto& [name, content] : now.rows()) {
    if (const std::string* const old = before.Find(name); old == nullptr) {
      changes.added.push_back(name);
    } else if (*old != content) {
      changes.changed.push_back(name);
    }
  }
  for (const auto& [name, content] : before.rows()) {
    if (now.Find(name) == nullptr) {
      changes.removed.push_back(name);
    }
  }
  return changes;
}

Versions FilesOf(const ledger::StoredPolicySet& set) {
  Versions files;
  for (const ledger::PolicyText& text : set.texts) {
    files.Add(text.file, text.text);
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
    policies.Add(info.id, info.text);
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
