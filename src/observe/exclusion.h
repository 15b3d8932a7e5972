#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"

namespace aegis::observe {

// What is left out of a watch: names that a pattern matches, with all below them, and Aegis' own
// state. Names are bytes relative to the watched directory.
class Exclusion {
 public:
  // Patterns are globs over escaped names (ledger::Glob): one without a slash is for a name
  // anywhere, one with a slash for a path from the watched directory on. `state`: a relative path,
  // or empty. kInvalid, naming the pattern, for one that is none.
  static base::Result<Exclusion> Make(std::span<const std::string> patterns, std::string state);
  Exclusion() = default;

  // Whether this name itself is left out, its parents not being.
  bool Covers(std::string_view name) const;
  // Whether it or any of its parents is.
  bool CoversAnyOf(std::string_view name) const;

 private:
  std::vector<ledger::Glob> components_;
  std::vector<ledger::Glob> paths_;
  std::string state_;
};

}  // namespace aegis::observe
