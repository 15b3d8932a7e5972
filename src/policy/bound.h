#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

// Static upper bounds of what a set of policies can permit. Internal to the module.
namespace aegis::policy {

// A resource named by a policy, alone or with all that lies below it.
struct Root {
  std::string_view name;
  bool subtree = true;
};

// A policy, as far as bounds need it.
struct Reach {
  unsigned actions = 0;  // bit n: it may apply to action n
  bool forbid = false;
  bool applies = true;   // false: its head names another agent
  bool bounded = false;  // it applies nowhere outside its roots
  bool total = false;    // its actions on everything in its roots (anywhere) match
  std::vector<Root> roots;
};

PolicySet::Bound BoundOf(const std::vector<Reach>& policies);

// Whether `path` is `root` or lies below it.
bool IsWithin(std::string_view path, std::string_view root);

}  // namespace aegis::policy
