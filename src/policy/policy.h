#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Cedar policies as Aegis reads them: loading, evaluation, and what can be said about a set of
// policies without evaluating it. docs/policy.md explains the names of actions and resources.
namespace aegis::policy {

enum class Action : std::uint8_t {
  kFileRead,
  kFileWrite,
  kFileDelete,
  kDirCreate,
  kDirList,
  kNetConnect,
  kToolCall,
  kProcessSpawn,
  kProcessExit,
};
inline constexpr std::size_t kActionCount = 9;

// The name of an action as policies and the ledger write it, e.g. "FileRead".
std::string_view ActionName(Action action);
std::optional<Action> ParseAction(std::string_view name);

// What surrounds a request. All views must outlive the call; strings in escaped form, valid UTF-8.
// Empty strings are absent attributes.
struct Context {
  std::int64_t pid = 0;
  std::string_view exe{};
  std::span<const std::string> argv{};  // ProcessSpawn
  std::string_view host{};              // NetConnect: Host::text, without brackets
  std::int64_t port = 0;                // NetConnect
  std::string_view protocol{};          // NetConnect
};

// One question. The principal is the agent that the set was loaded for. The resource of a file or
// process action is a canonical absolute path in escaped form; that of a connection HostAndPort()
// of host_name.h, or the host alone where the name system is asked for it.
struct Request {
  Action action = Action::kFileRead;
  std::string_view resource{};
  Context context{};
};

enum class Outcome : std::uint8_t {
  kPermit,    // a permit matches, no forbid does
  kForbid,    // a forbid matches
  kNoPermit,  // nothing matches
  kError,     // a policy could not be evaluated, or the request is malformed
  kAsk,       // as kPermit, but a matching permit carries @ask
};

// What is looked at of a permitted connection to a host by name.
enum class Inspection : std::uint8_t {
  kName,  // the name it asks for: TLS by SNI (RFC 6066, section 3), HTTP by Host (RFC 9110, 7.2)
  kNone,  // nothing: a matching permit carries @opaque, and the host can carry anything
};

struct Verdict {
  Outcome outcome = Outcome::kError;
  std::vector<std::string> policies{};  // ids that determined it, in the order of the sources
  std::string detail{};                 // kError: the error; kForbid: the first @reason; else empty
  Inspection inspection = Inspection::kName;  // kNone for a permitted NetConnect only
};

// One policy file; `file` is its name as shown in errors and in Info.
struct Source {
  std::string file;
  std::string text;
  bool validated = false;  // this very text passed Load before: half of the time is saved
};

// Who and where: canonical paths in escaped form. `home` and `dir` stand for "~" and "@dir" in
// policies; a policy that uses an alias whose path is empty is refused.
struct Names {
  std::string agent;
  std::string home;
  std::string dir;
  // Where a path leads that is, or lies behind, a symbolic link: its canonical form; empty if it
  // leads nowhere else. With it a forbid of a place holds for what the place leads to as well, so
  // that a ~/.ssh kept elsewhere stays protected. Without it links are not followed.
  std::function<std::string(const std::string& path)> leads_to{};
};

// Names::leads_to by the files of this machine: call it where the links are the user's, before
// anything untrusted runs.
std::string LeadsTo(const std::string& path);

// A validated set of policies. Immutable after Load; not thread safe; move-only. Load parses on a
// thread of its own that has ended when it returns, so that a loaded set may be used after fork().
class PolicySet {
 public:
  // Refuses (kInvalid, with file, line and column where known) what does not parse or does not pass
  // strict validation, nesting or files beyond the limits of docs/policy.md, templates with slots,
  // ids used twice, @ask or @opaque on a forbid, and resource names that could never match.
  static base::Result<PolicySet> Load(const std::vector<Source>& sources, const Names& names);

  PolicySet(PolicySet&&) noexcept;
  PolicySet& operator=(PolicySet&&) noexcept;
  PolicySet(const PolicySet&) = delete;
  PolicySet& operator=(const PolicySet&) = delete;
  ~PolicySet();

  // The answer of the policies, without any cache. Never fails: what can't be evaluated is kError.
  Verdict Evaluate(const Request& request) const;

  // A resource that a policy names, alone or with all that lies below it. Aliases are resolved;
  // names of paths in escaped form.
  struct Place {
    std::string name{};
    bool subtree = false;
    friend bool operator==(const Place&, const Place&) = default;
  };
  // Where evaluating a policy could fail; a failure refuses whatever other policies permit.
  enum class Fails : std::uint8_t { kNowhere, kInItsPlaces, kAnywhere };
  struct Info {
    std::string id{};
    std::string file{};
    std::size_t line = 0;  // it begins on, from 1
    std::string text{};    // its own text, from its first annotation or word to its `;`
    bool forbid = false;
    bool ask = false;             // a permit with @ask
    bool opaque = false;          // a permit with @opaque
    std::string reason{};         // @reason, empty if none
    unsigned actions = 0;         // bit n: it may apply to Action n
    bool applies = true;          // false: its head names another agent
    bool bounded = false;         // it applies nowhere outside its places
    bool total = false;           // its actions on everything in its places (anywhere) match
    std::vector<Place> places{};  // of a bounded one
    Fails fails = Fails::kNowhere;
    bool by_name = false;     // it mentions a group of names ("*/PATTERN")
    bool reads_more = false;  // of a request than in which places the resource lies
    // Subtrees in which it applies to nothing, but perhaps in and above the second ones. There may
    // be more.
    std::vector<Place> excluded{};
    std::vector<Place> excluded_but{};

    bool Covers(Action action) const {
      return (actions >> static_cast<unsigned>(action) & 1U) != 0;
    }
  };
  // In the order of the sources, and of the policies in each.
  const std::vector<Info>& policies() const;

  // SHA-256 (lower-case hex) over the base names and texts of the sources.
  const std::string& digest() const;

  // Which attributes some policy that may apply to an action reads: what an answer depends on
  // beside the class of the path. (NetConnect always depends on its whole resource and context.)
  struct Reads {
    bool path = false;
    bool pid = false;
    bool exe = false;
    bool argv = false;
    bool host = false;
    bool port = false;
    bool protocol = false;
  };
  Reads reads(Action action) const;

  // The resources that the policies name anywhere, aliases resolved, each once; paths in escaped
  // form.
  std::vector<std::string> mentions() const;

  // What links lead to, among the places that forbids of everything name (Names::leads_to): forbids
  // hold there too. Escaped form, each once.
  std::vector<std::string> link_targets() const;

  // Whether some group of names ("*/PATTERN") takes a component of this name, in escaped form.
  bool IsGroupedName(std::string_view component) const;

  // The class of a path: two paths of equal class (and equal attributes that reads() names) get
  // equal verdicts for every action on files and processes. Cheap (about 0.1 µs), no Cedar.
  // kNotCanonical for what is not a canonical absolute path: Evaluate answers kError there.
  static constexpr std::uint64_t kNotCanonical = ~std::uint64_t{0};
  std::uint64_t ClassOf(std::string_view path) const;

  // Some policy names a path strictly below `path`: moving or replacing `path` would take that rule
  // away from what it was written for.
  bool PinsBelow(std::string_view path) const;

  // Whether some rule could permit a NetConnect to this host, on some port and by some protocol: an
  // upper bound, as conditions are not looked at. `host` as ParseHost() gives it. Cheap enough to
  // be asked at each look-up of a name.
  bool MayReach(std::string_view host) const;

  // Static upper bounds, as unescaped absolute paths without overlaps, sorted; {"/"} = everywhere.
  struct Bound {
    std::vector<std::string> visible;     // outside them no file or spawn action can be permitted
    std::vector<std::string> executable;  // outside them no ProcessSpawn can be permitted
    std::vector<std::string> hidden;      // every action on everything in them is forbidden
  };
  Bound bound() const;

 private:
  struct Impl;
  explicit PolicySet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace aegis::policy
