#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

// Random Cedar texts with all that policies can say, and a small world of resources whose hierarchy
// is written down for Cedar itself: direct parents, by the definitions of docs/policy.md and
// without a line of the index. Drawn from one seed.
namespace aegis::policy {

struct RandomRequest {
  Action action = Action::kFileRead;
  std::string resource;
  std::int64_t pid = 0;
  std::string exe;
  std::vector<std::string> argv;
  std::string host;
  std::int64_t port = 0;
  std::string protocol;

  Request AsRequest() const;
  std::string ContextJson() const;
};

class RandomCedar {
 public:
  explicit RandomCedar(std::uint64_t seed);

  // 1 to `most` policies, as a user writes them: with aliases.
  std::string Policies(std::size_t most);

  // The same text without aliases ("~" is /a, "@dir" is /a/b).
  static std::string WithoutAliases(std::string text);

  // The resources of this world with their direct parents, as Cedar reads entities.
  std::string EntitiesJson() const;

  // A question about one of them.
  RandomRequest Ask();

 private:
  std::string Policy();
  std::string PrincipalScope();
  std::string ActionScope();
  std::string ResourceScope();
  std::string Condition(std::size_t depth);
  std::string Test();
  std::string ResourceTest();
  std::string ActionTest();
  std::string ContextTest();
  std::string Resource();
  std::string ActionOrGroup();
  std::string AnAction();

  std::size_t Below(std::size_t limit) { return random_() % limit; }
  template <typename List>
  std::string_view OneOf(const List& list) {
    return list.at(Below(list.size()));
  }

  std::mt19937_64 random_;
  std::vector<std::string> paths_;
  std::string only_;  // the one action of the policy that is being written, or empty
};

}  // namespace aegis::policy
