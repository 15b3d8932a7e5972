#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gate/policy_update.h"
#include "policy/policy.h"
#include "sandbox/mode.h"

namespace aegis::gate {

// What an edited set of policies is held against. The paths are bytes.
struct PolicyRules {
  sandbox::Mode mode = sandbox::Mode::kRun;
  policy::Names names{};
  std::vector<std::string> state{};  // names of Aegis' state, escaped
  // Where links led that policies name, when the run began and later: the command may remove a
  // link, and what lay behind it stays forbidden.
  std::map<std::string, std::string> links{};
  policy::PolicySet::Bound start{};  // what the run began with, and its walls were made for
  // ReadingTexts() of that, where reads are left to the kernel: what it was told can't be changed.
  std::optional<std::vector<std::string>> reading{};
  // Where the policies are read from, as settled when the run began: canonical, never through
  // links.
  std::vector<std::string> places{};
  std::function<base::Result<std::vector<policy::Source>>()> read{};
};

// A policy file, or a directory of them, that the command could change, by what the policies permit
// it, under its name or one that a bind mount gives it, or that can't be found; nothing if there is
// none. Such files are not followed while the
// command runs.
std::optional<std::string> ChangeablePlace(const PolicyRules& rules,
                                           const policy::PolicySet& policies,
                                           const std::vector<policy::Source>& sources);

// All that a set says about reading, in a form that two sets can be compared by.
std::vector<std::string> ReadingTexts(const policy::PolicySet& policies);

// The first place that `now` permits and that lies outside of what the run's walls were made for;
// empty if there is none.
std::string FirstOutside(const policy::PolicySet::Bound& start,
                         const policy::PolicySet::Bound& now);

// Reads the policies as they stand now and checks them: what is to be told to the supervisor.
// Nothing if they are those of digest `in_force`. A set that can't be taken comes as a refusal.
// Takes as long as parsing does; touches nothing but its arguments.
std::optional<PolicyUpdate> ReadCandidate(const PolicyRules& rules, const std::string& in_force);

}  // namespace aegis::gate
