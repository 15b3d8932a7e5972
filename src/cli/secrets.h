#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "policy/policy.h"

namespace aegis::cli {

// The places where secrets are kept: those that the template `project` forbids by its policies
// `project.secret.*`, and no list of its own. One thread.
class SecretPlaces {
 public:
  // `names`: whose home directory; see policy::Names.
  static base::Result<SecretPlaces> Load(const policy::Names& names);

  // Whether a resource, as the ledger writes it, lies in one of them; no for what is no path.
  bool Contains(std::string_view path);

 private:
  explicit SecretPlaces(policy::PolicySet project) : project_(std::move(project)) {}
  bool Ask(std::string_view path) const;

  policy::PolicySet project_;
  std::map<std::uint64_t, bool> by_class_;  // what is known: paths of one class share the answer
};

}  // namespace aegis::cli
