#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

// Random policies with a meaning of their own, written down without Cedar: what the property tests
// hold the real thing against.
namespace aegis::policy {

inline constexpr std::array<Action, 4> kRandomActions = {Action::kFileRead, Action::kFileWrite,
                                                         Action::kDirList, Action::kProcessSpawn};

// Names for the random world: small, so that chance meets.
inline Names RandomNames() { return {.agent = "test", .home = "/a", .dir = "/a/b"}; }

// Whether a path lies in a mention, by the definition in docs/policy.md.
inline bool LiesIn(std::string_view path, std::string_view mention) {
  std::string root(mention);
  if (mention.starts_with('~')) {
    root = "/a" + root.substr(1);
  } else if (mention.starts_with("@dir")) {
    root = "/a/b" + root.substr(4);
  } else if (mention.starts_with("*/")) {
    // The random world has these patterns: a whole name, or a name with one star at its end.
    std::string pattern = root.substr(2);
    const bool open = pattern.ends_with('*');
    if (open) {
      pattern.pop_back();
    }
    std::string rest(path);
    while (!rest.empty()) {
      const std::string name = rest.substr(rest.rfind('/') + 1);
      if (open ? name.starts_with(pattern) : name == pattern) {
        return true;
      }
      rest.resize(rest.rfind('/'));
    }
    return false;
  }
  return root == "/" || path == root || path.starts_with(root + "/");
}

struct RandomPolicy {
  enum class Test : std::uint8_t {
    kNone,
    kIn,
    kInEither,
    kNotIn,
    kUnlessIn,
    kPathLike,
    kPidAbove,
    kExeIs,
    kInAndPid
  };
  bool forbid = false;
  std::vector<Action> actions;  // empty: any
  enum class Head : std::uint8_t { kAny, kIn, kEqual } head = Head::kAny;
  std::string resource;
  Test test = Test::kNone;
  std::string first;
  std::string second;

  std::string Text() const;
  bool Matches(Action action, std::string_view path, std::int64_t pid, std::string_view exe) const;
};

inline std::string RandomResource(std::string_view name) {
  return "Aegis::Resource::\"" + std::string(name) + "\"";
}

inline std::string RandomCondition(const RandomPolicy& policy) {
  using Test = RandomPolicy::Test;
  const std::string in_first = "resource in " + RandomResource(policy.first);
  const std::string set = RandomResource(policy.first) + ", " + RandomResource(policy.second);
  switch (policy.test) {
    case Test::kNone:
      return "";
    case Test::kIn:
      return " when { " + in_first + " }";
    case Test::kInEither:
      return " when { resource in [" + set + "] }";
    case Test::kNotIn:
      return " when { !(" + in_first + ") }";
    case Test::kUnlessIn:
      return " unless { " + in_first + " || resource == " + RandomResource(policy.second) + " }";
    case Test::kPathLike:
      return " when { resource.path like \"*c\" }";
    case Test::kPidAbove:
      return " when { context.pid > 5 }";
    case Test::kExeIs:
      return " when { context has exe && context.exe == \"/bin/x\" }";
    case Test::kInAndPid:
      return " when { context.pid > 5 && " + in_first + " }";
  }
  return "";
}

inline std::string RandomPolicy::Text() const {
  std::string text = forbid ? "forbid(principal, action" : "permit(principal, action";
  if (actions == std::vector{Action::kFileRead, Action::kDirList}) {
    text += " in Aegis::Action::\"Read\", resource";
  } else {
    for (std::size_t i = 0; i < actions.size(); ++i) {
      text += i == 0 ? " in [" : ", ";
      text += "Aegis::Action::\"" + std::string(ActionName(actions[i])) + "\"";
    }
    text += actions.empty() ? ", resource" : "], resource";
  }
  if (head != Head::kAny) {
    text += head == Head::kIn ? " in " : " == ";
    text += RandomResource(resource);
  }
  return text + ")" + RandomCondition(*this) + ";\n";
}

inline bool RandomPolicy::Matches(Action action, std::string_view path, std::int64_t pid,
                                  std::string_view exe) const {
  const auto is = [path](std::string_view mention) {
    return !mention.starts_with("*/") && LiesIn(path, mention) &&
           (path == "/" ||
            !LiesIn(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)), mention));
  };
  if (!actions.empty() && std::ranges::find(actions, action) == actions.end()) {
    return false;
  }
  if ((head == Head::kIn && !LiesIn(path, resource)) || (head == Head::kEqual && !is(resource))) {
    return false;
  }
  switch (test) {
    case Test::kNone:
      return true;
    case Test::kIn:
      return LiesIn(path, first);
    case Test::kInEither:
      return LiesIn(path, first) || LiesIn(path, second);
    case Test::kNotIn:
      return !LiesIn(path, first);
    case Test::kUnlessIn:
      return !LiesIn(path, first) && !is(second);
    case Test::kPathLike:
      return path.ends_with('c');
    case Test::kPidAbove:
      return pid > 5;
    case Test::kExeIs:
      return exe == "/bin/x";
    case Test::kInAndPid:
      return pid > 5 && LiesIn(path, first);
  }
  return false;
}

// Draws policies and requests from one seed.
class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : random_(seed) {}

  std::vector<RandomPolicy> Policies(std::size_t most) {
    std::vector<RandomPolicy> policies(1 + Below(most));
    // Most sets are free of attributes, so that classes are wide.
    const bool attributes = Below(3) == 0;
    for (RandomPolicy& policy : policies) {
      policy.forbid = Below(3) == 0;
      for (const Action action : kRandomActions) {
        if (Below(3) == 0) {
          policy.actions.push_back(action);
        }
      }
      policy.head = static_cast<RandomPolicy::Head>(Below(3));
      policy.resource = Mention();
      policy.test = static_cast<RandomPolicy::Test>(Below(attributes ? 9 : 5));
      policy.first = Mention();
      policy.second = Mention();
    }
    return policies;
  }

  std::string Path() {
    static constexpr std::array<std::string_view, 7> kParts = {"a",      "b",     "c", ".env",
                                                               ".env.x", "other", "cc"};
    std::string path;
    for (std::size_t depth = Below(6); depth > 0; --depth) {
      path += '/';
      path += kParts.at(Below(kParts.size()));
    }
    return path.empty() ? "/" : path;
  }

  Action AnyAction() { return kRandomActions.at(Below(kRandomActions.size())); }
  std::int64_t Pid() { return static_cast<std::int64_t>(1 + Below(10)); }
  std::string_view Exe() { return Below(2) == 0 ? "/bin/x" : "/bin/y"; }
  std::size_t Below(std::size_t limit) { return random_() % limit; }

 private:
  std::string Mention() {
    static constexpr std::array<std::string_view, 15> kMentions = {
        "/",    "/a",     "/a/b",   "/a/b/c",   "/b",  "/b/.env", "~",         "~/c",
        "@dir", "@dir/a", "*/.env", "*/.env.*", "*/c", "*/c*",    "/b/other/a"};
    return std::string(kMentions.at(Below(kMentions.size())));
  }

  std::mt19937_64 random_;
};

inline std::string TextOf(const std::vector<RandomPolicy>& policies) {
  std::string text;
  for (const RandomPolicy& policy : policies) {
    text += policy.Text();
  }
  return text;
}

// The outcome by the meaning of the policies.
inline Outcome Expected(const std::vector<RandomPolicy>& policies, Action action,
                        std::string_view path, std::int64_t pid, std::string_view exe) {
  bool permitted = false;
  for (const RandomPolicy& policy : policies) {
    if (policy.Matches(action, path, pid, exe)) {
      if (policy.forbid) {
        return Outcome::kForbid;
      }
      permitted = true;
    }
  }
  return permitted ? Outcome::kPermit : Outcome::kNoPermit;
}

}  // namespace aegis::policy
