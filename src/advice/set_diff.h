#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

// What two sets of policies answer differently: each kind of resource that they can tell apart is
// asked about once, so that nothing has to be inferred from what policies look like.
namespace aegis::advice {

// Where answers hold.
struct Region {
  std::string name{};                 // a path, a host, a tool; empty: all that is not named
  bool subtree = false;               // with all that lies below it; of a host, with all its ports
  std::vector<std::string> groups{};  // only paths that lie in all of these name groups ("*/.env")
  friend bool operator==(const Region&, const Region&) = default;
};

// What a set answers, and by which policies.
struct SetAnswer {
  policy::Outcome outcome = policy::Outcome::kNoPermit;
  std::vector<std::string> policies{};  // ids; several actions: of any of them
};

// The answers of both sets in a region, of which one permits and the other doesn't, or asks. A
// region alone goes before a subtree, one with more groups before one with fewer, a narrower one
// before a wider. Where such an exception is answered alike, it is told as well.
struct Difference {
  std::vector<policy::Action> actions{};
  Region region{};
  SetAnswer a{};
  SetAnswer b{};

  bool exception() const;  // both answer alike
};

// What the answers on an action depend on beside its resource ("resource.path", "context.exe"): the
// differences hold for a request without them, and others may be missed.
struct Dependence {
  policy::Action action = policy::Action::kFileRead;
  std::vector<std::string_view> on{};
};

struct SetDiff {
  std::vector<Difference> differences;
  std::vector<Dependence> dependences;
};

// Whether outcomes are told apart: permitted, asked, refused for whatever reason.
bool Alike(policy::Outcome a, policy::Outcome b);

// Both sets must be loaded with the same names and without following links. For an action without a
// dependence the differences are all there are: what none covers gets the same answer. kExhausted
// where the sets name more than can be asked about.
base::Result<SetDiff> CompareSets(const policy::PolicySet& a, const policy::PolicySet& b);

}  // namespace aegis::advice
