#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.h"

namespace aegis::gate {

// What the kernel may let an agent do with a place by itself, as bits.
inline constexpr unsigned kReads = 1;     // the content of files
inline constexpr unsigned kLists = 2;     // the names in directories
inline constexpr unsigned kExecutes = 4;  // start programs that are read
inline constexpr unsigned kAllRights = kReads | kLists | kExecutes;

// Why what `policies` say about reading is more than subtrees, single paths and names, so that the
// kernel can't be left with it; empty if it is not.
std::string WhyNotStatic(const policy::PolicySet& policies);

// Asks a static set what it permits where. Paths in escaped form. An answer costs an evaluation for
// each new class of paths. The set must outlive it.
class ReadRights {
 public:
  // `executable`: outside of these nothing may be executed. `state`: Aegis' own.
  ReadRights(const policy::PolicySet& policies, std::vector<std::string> executable,
             std::span<const std::string> state);

  // What is permitted on the thing of this very path.
  unsigned On(std::string_view path);
  // What is permitted on things in the directory `path`, and below them, that no policy names.
  unsigned Below(std::string_view path);
  // Some permit may let this path be made, or in the directory `path` something that no policy
  // names.
  bool MayMake(std::string_view path) const;
  bool MayMakeIn(std::string_view path) const;
  // Nothing at all may be done with the thing, and with anything below it that no policy names.
  bool IsRefused(std::string_view path) const;
  bool IsExecutable(std::string_view path) const;

 private:
  bool Permits(policy::Action action, std::string_view path);
  bool IsAlwaysRefused(policy::Action action, std::string_view path) const;

  const policy::PolicySet& policies_;
  std::vector<std::string> executable_;
  std::span<const std::string> state_;
  std::map<std::pair<std::uint64_t, policy::Action>, bool> known_;  // by class and action
};

// `directory`/`name`.
std::string Joined(std::string_view directory, std::string_view name);

}  // namespace aegis::gate
