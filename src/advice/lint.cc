#include "advice/lint.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/carriers.h"
#include "advice/lint_secrets.h"
#include "advice/places.h"
#include "advice/question.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using policy::Action;
using policy::Outcome;
using policy::PolicySet;
using Info = PolicySet::Info;
using Place = PolicySet::Place;

constexpr std::size_t kMaxNamed = 3;

bool IsPathPlace(const Place& place) {
  return place.name.starts_with('/') || place.name.starts_with("*/");
}

// The text of a policy without strings and comments: what is left are its own words.
std::string WordsOf(std::string_view text) {
  std::string words;
  bool string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (string) {
      i += text[i] == '\\' ? 1U : 0U;
      string = i >= text.size() || text[i] != '"';
    } else if (text[i] == '"') {
      string = true;
    } else if (text.substr(i).starts_with("//")) {
      i = std::min(text.find_first_of("\r\n", i), text.size());
      words += ' ';
    } else {
      words += text[i];
    }
  }
  return words;
}

// Whether a policy may apply to an action on a kind of resource that its places can name.
bool CanMatch(const Info& info) {
  if (!info.bounded) {
    return true;
  }
  for (std::size_t i = 0; i < policy::kActionCount; ++i) {
    const auto action = static_cast<Action>(i);
    const auto fits = [action](const Place& place) {
      return IsPathPlace(place) == NamesPaths(action);
    };
    if (info.Covers(action) && std::ranges::any_of(info.places, fits)) {
      return true;
    }
  }
  return false;
}

// Whether `outer`, which has no conditions beside its places, holds wherever `inner` does.
bool CoversAll(const Info& outer, const Info& inner) {
  if (!outer.applies || !outer.total || (inner.actions & ~outer.actions) != 0) {
    return false;
  }
  if (!outer.bounded) {
    return true;
  }
  return inner.bounded && std::ranges::all_of(inner.places, [&](const Place& place) {
           return std::ranges::any_of(outer.places,
                                      [&](const Place& one) { return Holds(one, place); });
         });
}

bool Mentions(const Info& info, std::string_view text) {
  return info.text.find(text) != std::string::npos;
}

// The first names of a list, and how many more there are.
std::string Some(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxNamed); ++i) {
    text.append(text.empty() ? "" : ", ").append(names[i]);
  }
  if (names.size() > kMaxNamed) {
    text += " and " + std::to_string(names.size() - kMaxNamed) + " more";
  }
  return text;
}

// Whether a permit lets connections pass unseen of which another would have the name checked.
bool OpensUnseen(const Info& info, const Info& other) {
  return info.opaque && !other.opaque && info.Covers(Action::kNetConnect);
}

// Which names a place of connections takes, where these are more than anyone could vouch for: "*",
// "*.com". Empty for others; addresses have no name that could be checked.
std::string_view WideNames(const Place& place) {
  const std::string_view host = policy::HostPart(place.name);
  const bool top_level = host.starts_with("*.") && host.find('.', 2) == std::string_view::npos;
  return host == "*" || top_level ? host : std::string_view();
}

class Linter {
 public:
  Linter(const PolicySet& policies, const policy::Names& names, const LookAt& look_at)
      : policies_(policies), all_(policies.policies()), names_(names), look_at_(look_at) {}

  std::vector<Finding> Run() {
    for (number_ = 0; number_ < all_.size(); ++number_) {
      const Info& info = all_[number_];
      Identity(info);
      if (!Applies(info)) {
        continue;
      }
      if (info.forbid) {
        Forbid(info);
      } else {
        Permit(info);
      }
    }
    for (const SecretFinding& secret : FindSecrets(policies_, names_)) {
      Secret(secret);
    }
    std::ranges::stable_sort(findings_, {}, &Finding::policy);
    return std::move(findings_);
  }

 private:
  void Add(Severity severity, std::string_view code, std::string message, std::string advice) {
    findings_.push_back({.severity = severity,
                         .code = code,
                         .policy = number_,
                         .message = std::move(message),
                         .advice = std::move(advice)});
  }

  void Identity(const Info& info) {
    if (info.text.find("@id(") == std::string::npos) {
      Add(Severity::kHint, "NO_ID", "it has no @id, so the ledger and refusals call it " + info.id,
          "give it a name that stays: @id(\"...\")");
    }
  }

  // False for what never applies: then nothing else is worth saying.
  bool Applies(const Info& info) {
    if (!info.applies) {
      Add(Severity::kWarning, "OTHER_AGENT",
          "its head names another agent: it never applies to " + names_.agent,
          "leave the principal open, or name this agent");
      return false;
    }
    if (!CanMatch(info)) {
      Add(Severity::kError, "NEVER_MATCHES",
          "none of its actions has a resource of the kind that it names",
          "paths go with actions on files and programs, HOST:PORT with NetConnect");
      return false;
    }
    return true;
  }

  void Permit(const Info& info) {
    ForbiddenAnyway(info);
    Shadowed(info);
    MissingPlaces(info);
    Hosts(info);
    Opaque(info);
    WritableExecutables(info);
  }

  void ForbiddenAnyway(const Info& info) {
    const auto covers = [&info](const Info& other) {
      return other.forbid && CoversAll(other, info);
    };
    if (const auto found = std::ranges::find_if(all_, covers); found != all_.end()) {
      Add(Severity::kWarning, "FORBIDDEN_ANYWAY",
          "it permits nothing: all of it is forbidden by " + found->id,
          "narrow that forbid, or drop this permit");
    }
  }

  // Files are made to be used apart from each other: only their own permits count. That the project
  // lies in the home directory is so on this machine, and says nothing of a policy.
  void Shadowed(const Info& info) {
    if (info.ask) {
      return;
    }
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const Info& other = all_[i];
      const bool equal = CoversAll(info, other) && !OpensUnseen(other, info);
      const bool by_chance = Mentions(info, "\"@dir") && !Mentions(other, "\"@dir");
      if (i != number_ && !other.forbid && !other.ask && !OpensUnseen(info, other) &&
          other.file == info.file && !by_chance && CoversAll(other, info) &&
          (!equal || i < number_)) {
        Add(Severity::kWarning, "SHADOWED", "it adds nothing: " + other.id + " permits all of it",
            "drop it, or narrow the other");
        return;
      }
    }
  }

  void MissingPlaces(const Info& info) {
    const auto missing = [this](const Place& place) {
      return place.name.starts_with('/') && look_at_(place.name) == FileKind::kMissing;
    };
    if (info.bounded && !info.places.empty() && std::ranges::all_of(info.places, missing)) {
      Add(Severity::kHint, "NO_SUCH_PLACE",
          "nothing is there now: " + info.places.front().name +
              (info.places.size() > 1 ? ", ..." : ""),
          "a canonical path is needed: without links, as `realpath` prints it");
    }
  }

  void Hosts(const Info& info) {
    if (!info.Covers(Action::kNetConnect)) {
      return;
    }
    if (!info.bounded) {
      Add(Severity::kWarning, "ANY_HOST",
          std::string("it permits connections to ") +
              (info.total ? "any host" : "hosts that only its conditions limit"),
          "name the hosts: resource in Aegis::Resource::\"api.example.com\"");
      return;
    }
    for (const Place& place : info.places) {
      const std::string_view host = policy::HostPart(place.name);
      if (host == "*" || host.ends_with("/0")) {
        Add(Severity::kWarning, "ANY_HOST",
            "it permits connections to any host that has " +
                std::string(host == "*" ? "a name" : "such an address") + ": " + place.name,
            "name the hosts: resource in Aegis::Resource::\"api.example.com\"");
        continue;
      }
      const std::string_view kind = IsPathPlace(place) ? std::string_view() : CarrierKind(host);
      if (!kind.empty()) {
        Add(Severity::kWarning, "CARRIER",
            place.name + " can carry anything to anyone: " + std::string(kind),
            "permit it only to agents that read nothing worth sending, or with @ask");
      }
    }
  }

  void Opaque(const Info& info) {
    constexpr std::string_view kAdvice =
        "name the hosts and ports that need it: in Aegis::Resource::\"db.example.com:5432\"";
    if (!info.opaque || !info.Covers(Action::kNetConnect)) {
      return;
    }
    if (!info.bounded) {
      Add(Severity::kWarning, "OPAQUE_WIDE", "connections to any host pass unseen by it",
          std::string(kAdvice));
      return;
    }
    for (const Place& place : info.places) {
      if (!WideNames(place).empty()) {
        Add(Severity::kWarning, "OPAQUE_WIDE",
            "connections to whatever has such a name pass unseen by it: " + place.name,
            std::string(kAdvice));
      }
    }
  }

  // What can be written and executed, found where two permits meet.
  void WritableExecutables(const Info& info) {
    if (!info.Covers(Action::kProcessSpawn)) {
      return;
    }
    std::vector<std::string> both;
    for (const Info& other : all_) {
      if (other.forbid || !other.applies || !other.Covers(Action::kFileWrite)) {
        continue;
      }
      for (const std::string& place : Meetings(info, other)) {
        if (Permits(Action::kFileWrite, place) && Permits(Action::kProcessSpawn, place) &&
            std::ranges::find(both, place) == both.end()) {
          both.push_back(place);
        }
      }
    }
    if (!both.empty()) {
      Add(Severity::kWarning, "WRITABLE_EXECUTABLE",
          "what the agent writes it may execute, in " + Some(both),
          "separate what is written from what is run, where the work allows it");
    }
  }

  // A name in each place that two permits have in common.
  static std::vector<std::string> Meetings(const Info& a, const Info& b) {
    const std::vector<Place> everywhere = {{.name = "/", .subtree = true}};
    std::vector<std::string> names;
    for (const Place& one : a.bounded ? a.places : everywhere) {
      for (const Place& other : b.bounded ? b.places : everywhere) {
        if (!one.name.starts_with('/') || !other.name.starts_with('/')) {
          continue;
        }
        if (Holds(one, other)) {
          names.push_back(other.name);
        } else if (Holds(other, one)) {
          names.push_back(one.name);
        }
      }
    }
    return names;
  }

  bool Permits(Action action, const std::string& resource) const {
    const Outcome outcome = policies_.Evaluate({.action = action, .resource = resource}).outcome;
    return outcome == Outcome::kPermit || outcome == Outcome::kAsk;
  }

  void Forbid(const Info& info) {
    const std::string words = WordsOf(info.text);
    if (words.find(" like") != std::string::npos && words.find(".path") != std::string::npos) {
      Add(Severity::kWarning, "PATH_LIKE",
          "it compares the text of a path: what links lead to, and other spellings, pass it",
          "forbid a place (resource in ...) or a name group (\"*/PATTERN\")");
    }
    for (const auto& [word, why] :
         {std::pair<std::string_view, std::string_view>(
              "context.exe", "an agent can do the same with another program, or with a copy"),
          {"context.argv", "the same command can be written with other arguments"},
          {"context.pid", "the number of a process says nothing of what it is"}}) {
      if (words.find(word) != std::string::npos) {
        Add(Severity::kWarning, "WEAK_FORBID",
            "it holds for some " + std::string(word) + " only: " + std::string(why),
            "forbid the resource whoever asks");
      }
    }
    for (const Place& place : info.places) {
      if (!place.subtree && place.name.starts_with('/') &&
          look_at_(place.name) == FileKind::kDirectory) {
        Add(Severity::kWarning, "ONE_NAME",
            place.name + " is a directory, and what is in it is not forbidden by `==`",
            "write `in` for the directory and all below it");
      }
    }
  }

  void Secret(const SecretFinding& secret) {
    number_ = secret.policy;
    const std::string what = secret.write ? "files that run or steer programs outside the run"
                                          : "places where secrets lie";
    Add(Severity::kWarning, secret.write ? "STARTUP" : "SECRET",
        std::string(secret.write ? "it permits changing " : "it permits reading ") + what + ": " +
            Some(secret.places),
        "forbid them beside it, as the template project does (aegis policy generate project)");
  }

  const PolicySet& policies_;
  const std::vector<Info>& all_;
  const policy::Names& names_;
  const LookAt& look_at_;
  std::size_t number_ = 0;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view SeverityName(Severity severity) {
  constexpr auto kNames = std::to_array<std::string_view>({"hint", "warning", "error"});
  return kNames.at(static_cast<std::size_t>(severity));
}

std::vector<Finding> Lint(const PolicySet& policies, const policy::Names& names,
                          const LookAt& look_at) {
  return Linter(policies, names, look_at).Run();
}

}  // namespace aegis::advice
