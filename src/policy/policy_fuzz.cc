#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.h"
#include "policy/seatbelt.h"
#include "policy/seatbelt_evaluator.h"

// Loads any text as policies. What loads must evaluate without a crash, permit nothing outside its
// bound and nothing hidden, give equal answers within a class, and stay within the
// form of a Seatbelt profile.
namespace {

using aegis::policy::Action;
using aegis::policy::Outcome;
using aegis::policy::PolicySet;
namespace seatbelt = aegis::policy::seatbelt;

constexpr std::string_view kPaths[] = {"/",
                                       "/usr/bin/env",
                                       "/home/u/.ssh/id",
                                       "/home/u/app/.env",
                                       "/home/u/app/.env.local/x",
                                       "/srv/app/src/a.c",
                                       "/srv/other/src/b.h"};

bool Holds(const std::vector<std::string>& roots, std::string_view path) {
  for (const std::string& root : roots) {
    if (root == "/" || path == root || path.starts_with(root + "/")) {
      return true;
    }
  }
  return false;
}

Outcome Ask(const PolicySet& set, Action action, std::string_view path) {
  return set.Evaluate({.action = action, .resource = path, .context = {.pid = 7, .exe = "/bin/x"}})
      .outcome;
}

void Check(const PolicySet& set) {
  const PolicySet::Bound bound = set.bound();
  for (const Action action : {Action::kFileRead, Action::kFileWrite, Action::kProcessSpawn}) {
    for (const std::string_view path : kPaths) {
      const Outcome outcome = Ask(set, action, path);
      const bool permitted = outcome == Outcome::kPermit || outcome == Outcome::kAsk;
      if (permitted && path != "/" && !Holds(bound.visible, path)) {
        std::abort();
      }
      if (permitted && Holds(bound.hidden, path)) {
        std::abort();
      }
      // A sibling of the same class gets the same answer, unless policies read the path itself.
      const std::string sibling = std::string(path == "/" ? "" : path) + "/sibling";
      if (!set.reads(action).path && set.ClassOf(sibling) == set.ClassOf(path) &&
          Ask(set, action, sibling) != outcome) {
        std::abort();
      }
    }
  }
}

// No name of a policy ends the text that it stands in.
void CheckProfile(const PolicySet& set) {
  const auto profile = seatbelt::Profile::Parse(
      aegis::policy::CompileSeatbelt(set.policies(), {"/home/u/.aegis"}).text);
  if (!profile.has_value() || profile->Allows("file-read-data", "/home/u/.aegis/current", false)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  std::string text(reinterpret_cast<const char*>(data), size);
  const auto set = PolicySet::Load({{.file = "fuzz.cedar", .text = std::move(text)}},
                                   {.agent = "a", .home = "/home/u", .dir = "/home/u/app"});
  if (set.has_value()) {
    Check(*set);
    CheckProfile(*set);
  } else if (set.error().message().empty()) {
    std::abort();
  }
  return 0;
}
