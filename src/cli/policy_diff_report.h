#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "advice/set_diff.h"
#include "cli/judged_sessions.h"
#include "cli/output.h"
#include "policy/policy.h"

namespace aegis::cli {

// A policy that one set has and the other lacks, or has with another text.
struct RuleChange {
  std::string_view change{};         // "removed", "added", "changed": from A to B
  policy::PolicySet::Info policy{};  // of B, unless removed
};

std::vector<RuleChange> RuleChanges(const policy::PolicySet& a, const policy::PolicySet& b);

// All that `policy diff` found.
struct PolicyDiff {
  std::vector<RuleChange> rules{};
  advice::SetDiff answers{};
  std::optional<JudgedSessions> sessions{};

  // Whether both sets answer everything alike, for all that is known.
  bool equal() const;
};

nlohmann::ordered_json PolicyDiffJson(const PolicyDiff& diff);
// For people: harmless lines, of each kind at most so many.
void PrintPolicyDiff(Output& out, const PolicyDiff& diff, std::size_t most);

}  // namespace aegis::cli
