#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "advice/question.h"
#include "base/result.h"
#include "decision/decision.h"
#include "policy/policy.h"

namespace aegis::advice {

// A permit that does not match, and what is missing.
struct Near {
  std::size_t policy = 0;  // its number in the set
  std::string why{};       // "permits FileRead here", "permits FileWrite in /srv/app"
};

// A rule that could be added, and what it would open besides the question.
struct NewRule {
  std::string text{};                  // Cedar, ready to paste
  std::string place{};                 // the subtree that it opens; empty for the one resource
  std::vector<std::size_t> forbids{};  // that still hold for some of what it opens
  std::vector<std::string> opens{};    // in words, for people
};

// Why a question is answered as it is. Numbers are those of policies in the set.
struct Explanation {
  decision::Decision decision{};
  std::vector<std::size_t> permits{};  // that match, those with @ask too
  std::vector<std::size_t> forbids{};  // that match
  std::vector<std::size_t> errors{};   // that can't be evaluated
  std::string detail{};                // POLICY_ERROR: the first error
  std::vector<Near> nearest{};         // where no permit matches: the closest, at most three
  // Where a permit would help: the smallest, then one for everything beside the resource.
  std::vector<NewRule> rules{};
};

// Explains the answer of `decider`, which was made of the policies of `names`. Asks about each kind
// of policy by itself, so it costs a few loads; nothing is cached. kInvalid only for what can't be
// loaded again.
base::Result<Explanation> Explain(decision::Decider& decider, const policy::Names& names,
                                  const Question& question);

// What a new permit of this action on this resource would open, by `project`'s lists of secrets and
// startup files and by what kind of thing it is. Pure.
std::vector<std::string> Opened(const policy::PolicySet& policies, const policy::Names& names,
                                const Question& question);

}  // namespace aegis::advice
