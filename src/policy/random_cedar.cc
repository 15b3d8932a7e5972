#include "policy/random_cedar.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy.h"

namespace aegis::policy {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kParts = {"a", "b", "c", ".env", ".env.x", "other"};
constexpr std::array<std::string_view, 5> kPatterns = {".env", ".env.*", "c", "o*r", "*.x"};
constexpr std::array<std::string_view, 22> kMentions = {
    "/",       "/a",   "/a/b",   "/a/b/c", "/b",     "/b/.env",  "/c/other", "~",
    "~/c",     "@dir", "@dir/a", "*/.env", "*/c",    "*/.env.*", "*/o*r",    "*/*.x",
    "~/b/c/a", "/a/a", "/b/c",   "/other", "/a/b/b", "/b/a"};
constexpr auto kOtherMentions = std::to_array<std::string_view>({"api.example.com",
                                                                 "api.example.com:443",
                                                                 "*.example.com",
                                                                 "*.example.com:443",
                                                                 "*.com",
                                                                 "*.com:80",
                                                                 "*.b.example.com",
                                                                 "10.0.0.1",
                                                                 "10.0.0.1:22",
                                                                 "[::1]:443",
                                                                 "unix:/run/x",
                                                                 "*.evil.org",
                                                                 "search",
                                                                 "deploy",
                                                                 "*.example.com:80",
                                                                 "example.com",
                                                                 "*:443",
                                                                 "*:22",
                                                                 "10.0.0.0/8",
                                                                 "10.0.0.0/8:22",
                                                                 "10.0.0.0/24",
                                                                 "10.0.0.0/24:443",
                                                                 "0.0.0.0/0:443",
                                                                 "::/0",
                                                                 "[::/8]:443",
                                                                 "fd00::/8",
                                                                 "[fd00::/8]:443",
                                                                 "192.168.0.0/16",
                                                                 "::1"});
// Without a port: asked of the name system.
constexpr auto kHosts = std::to_array<std::string_view>(
    {"api.example.com:443", "api.example.com:80", "a.b.example.com:443", "example.com:443",
     "example.com.evil.org:443", "10.0.0.1:22", "[::1]:443", "localhost:8080", "unix:/run/x",
     "10.1.2.3:22", "10.0.0.9:443", "[fd00::1]:443", "[fd00::1]:22", "localhost:22",
     "api.example.com", "a.b.example.com", "evil.example"});
// The addresses of these hosts, and the ranges that they lie in.
struct Located {
  std::string_view address;
  std::array<std::string_view, 3> ranges;
};
constexpr auto kLocated =
    std::to_array<Located>({{"10.0.0.1", {"10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0"}},
                            {"10.0.0.9", {"10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0"}},
                            {"10.1.2.3", {"10.0.0.0/8", "0.0.0.0/0", ""}},
                            {"::1", {"::/8", "::/0", ""}},
                            {"fd00::1", {"fd00::/8", "::/0", ""}}});
constexpr std::array<std::string_view, 3> kTools = {"search", "deploy", "api.example.com"};
constexpr std::array<std::string_view, 4> kGroups = {"Read", "Write", "File", "Process"};
constexpr std::array<std::string_view, 3> kAgents = {"test", "test", "other"};

std::string Quoted(std::string_view type, std::string_view id) {
  return "Aegis::" + std::string(type) + "::\"" + std::string(id) + "\"";
}

json Uid(std::string_view id) { return {{"type", "Aegis::Resource"}, {"id", id}}; }

json Entity(const std::string& id, const std::set<std::string>& parents) {
  json uids = json::array();
  for (const std::string& parent : parents) {
    uids.push_back(Uid(parent));
  }
  return {{"uid", Uid(id)}, {"attrs", {{"path", id}}}, {"parents", uids}};
}

// The directory of a path and the name groups that its last component is in: what the directories
// above are in comes with them.
std::set<std::string> ParentsOfPath(const std::string& path) {
  if (path == "/") {
    return {};
  }
  const std::size_t slash = path.rfind('/');
  std::set<std::string> parents = {slash == 0 ? "/" : path.substr(0, slash)};
  for (const std::string_view pattern : kPatterns) {
    if (fnmatch(std::string(pattern).c_str(), path.c_str() + slash + 1, 0) == 0) {
      parents.insert("*/" + std::string(pattern));
    }
  }
  return parents;
}

struct Peer {
  std::string host;
  std::string port;  // ":443", or empty
};

// "HOST", "HOST:PORT" or "[V6]:PORT", the host also with a leading "*." or as "*".
Peer PeerOf(const std::string& name) {
  if (name.starts_with('[')) {
    const std::size_t end = name.find(']');
    return {.host = name.substr(1, end - 1), .port = name.substr(end + 1)};
  }
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos || colon != name.rfind(':')) {
    return {.host = name, .port = ""};
  }
  return {.host = name.substr(0, colon), .port = name.substr(colon)};
}

std::string WithPort(std::string_view host, const std::string& port) {
  const bool brackets = !port.empty() && host.find(':') != std::string_view::npos;
  return (brackets ? "[" + std::string(host) + "]" : std::string(host)) + port;
}

// What is right above a name. All ranges that hold an address stand right above it.
std::set<std::string> ParentsOfHost(const std::string& name) {
  std::set<std::string> parents;
  const auto [host, port] = PeerOf(name);
  if (host == "*" || host.find('/') != std::string::npos) {
    return parents;
  }
  if (!port.empty()) {
    parents.insert(host);
  }
  const auto* const located = std::ranges::find(kLocated, host, &Located::address);
  if (located != kLocated.end()) {
    for (const std::string_view range : located->ranges) {
      if (!range.empty()) {
        parents.insert({std::string(range), WithPort(range, port)});
      }
    }
    return parents;
  }
  if (!port.empty()) {
    parents.insert("*" + port);
  }
  const std::string labels = host.starts_with("*.") ? host.substr(2) : host;
  if (const std::size_t dot = labels.find('.'); dot != std::string::npos) {
    parents.insert("*" + labels.substr(dot) + port);
  }
  return parents;
}

// Adds a name and all above it.
void AddHost(const std::string& name, std::vector<json>& entities, std::set<std::string>& known) {
  if (!known.insert(name).second) {
    return;
  }
  const std::set<std::string> parents = ParentsOfHost(name);
  entities.push_back(Entity(name, parents));
  for (const std::string& parent : parents) {
    AddHost(parent, entities, known);
  }
}

}  // namespace

Request RandomRequest::AsRequest() const {
  return {
      .action = action,
      .resource = resource,
      .context = {
          .pid = pid, .exe = exe, .argv = argv, .host = host, .port = port, .protocol = protocol}};
}

std::string RandomRequest::ContextJson() const {
  json context = {{"pid", pid}};
  if (!exe.empty()) {
    context["exe"] = exe;
  }
  if (action == Action::kProcessSpawn) {
    context["argv"] = argv;
  }
  if (action == Action::kNetConnect) {
    context["port"] = port;
    context["protocol"] = protocol;
    if (!host.empty()) {
      context["host"] = host;
    }
  }
  return context.dump();
}

RandomCedar::RandomCedar(std::uint64_t seed) : random_(seed), paths_{"/"} {
  // Every path with the directories above it.
  std::set<std::string> known = {"/"};
  for (int i = 0; i < 24; ++i) {
    std::string path;
    for (std::size_t depth = 1 + Below(6); depth > 0; --depth) {
      path += "/" + std::string(OneOf(kParts));
      if (known.insert(path).second) {
        paths_.push_back(path);
      }
    }
  }
}

std::string RandomCedar::EntitiesJson() const {
  std::vector<json> entities;
  entities.reserve(paths_.size() + kPatterns.size());
  for (const std::string& path : paths_) {
    entities.push_back(Entity(path, ParentsOfPath(path)));
  }
  for (const std::string_view pattern : kPatterns) {
    entities.push_back(Entity("*/" + std::string(pattern), {}));
  }
  std::set<std::string> known;
  for (const std::string_view host : kHosts) {
    if (host.starts_with("unix:")) {
      entities.push_back(Entity(std::string(host), {}));
    } else {
      AddHost(std::string(host), entities, known);
    }
  }
  for (const std::string_view tool : kTools) {
    if (known.insert(std::string(tool)).second) {
      entities.push_back(Entity(std::string(tool), {}));
    }
  }
  return json(entities).dump();
}

RandomRequest RandomCedar::Ask() {
  RandomRequest request{.action = static_cast<Action>(Below(kActionCount)),
                        .resource = {},
                        .pid = static_cast<std::int64_t>(1 + Below(10)),
                        .exe = Below(3) == 0 ? "" : (Below(2) == 0 ? "/bin/x" : "/bin/y"),
                        .argv = {},
                        .host = {},
                        .port = 0,
                        .protocol = {}};
  if (request.action == Action::kToolCall) {
    request.resource = OneOf(std::array<std::string_view, 2>{"search", "deploy"});
  } else if (request.action == Action::kNetConnect) {
    request.resource = OneOf(kHosts);
    if (!request.resource.starts_with("unix:")) {
      const auto [host, port] = PeerOf(request.resource);
      request.host = host;
      request.port = port.empty() ? 0 : std::stoi(port.substr(1));
    }
    request.protocol = request.port == 0 ? "dns" : "tcp";
  } else {
    request.resource = paths_.at(Below(paths_.size()));
  }
  if (request.action == Action::kProcessSpawn) {
    for (const std::string_view argument : {"x", "-f", "--all"}) {
      if (Below(2) == 0) {
        request.argv.emplace_back(argument);
      }
    }
  }
  return request;
}

std::string RandomCedar::Policies(std::size_t most) {
  std::string text;
  for (std::size_t count = 1 + Below(most); count > 0; --count) {
    text += Policy();
  }
  return text;
}

std::string RandomCedar::WithoutAliases(std::string text) {
  for (const auto& [alias, path] :
       {std::pair<std::string_view, std::string_view>{"\"~", "\"/a"}, {"\"@dir", "\"/a/b"}}) {
    for (std::size_t at = text.find(alias); at != std::string::npos; at = text.find(alias, at)) {
      text.replace(at, alias.size(), path);
    }
  }
  return text;
}

std::string RandomCedar::Policy() {
  const bool forbid = Below(3) == 0;
  std::string text = "forbid(";
  if (!forbid) {
    const auto kind = Below(8);
    text = kind == 0 ? "@ask permit(" : (kind == 1 ? "@opaque permit(" : "permit(");
  }
  text += PrincipalScope() + ", " + ActionScope() + ", " + ResourceScope() + ")";
  for (std::size_t count = Below(4); count > 1; --count) {
    text += (Below(3) == 0 ? "\n  unless { " : "\n  when { ") + Condition(Below(4)) + " }";
  }
  return text + ";\n";
}

std::string RandomCedar::PrincipalScope() {
  const std::string agent = Quoted("Agent", OneOf(kAgents));
  switch (Below(12)) {
    case 0:
      return "principal == " + agent;
    case 1:
      return "principal in " + agent;
    case 2:
      return "principal is Aegis::Agent";
    case 3:
      return "principal is Aegis::Agent in " + agent;
    default:
      return "principal";
  }
}

std::string RandomCedar::AnAction() {
  return Quoted("Action", ActionName(static_cast<Action>(Below(kActionCount))));
}

std::string RandomCedar::ActionOrGroup() {
  return Below(2) == 0 ? AnAction() : Quoted("Action", OneOf(kGroups));
}

std::string RandomCedar::ActionScope() {
  only_.clear();
  switch (Below(8)) {
    case 0:
      return "action == " + AnAction();
    case 1:
      only_ = "NetConnect";
      return "action == " + Quoted("Action", only_);
    case 2:
      only_ = "ProcessSpawn";
      return "action == " + Quoted("Action", only_);
    case 3:
      return "action in " + ActionOrGroup();
    case 4:
      return "action in [" + ActionOrGroup() + ", " + ActionOrGroup() + "]";
    default:
      return "action";
  }
}

std::string RandomCedar::Resource() {
  const bool path = only_ == "NetConnect" ? Below(8) == 0 : Below(5) != 0;
  return Quoted("Resource", path ? OneOf(kMentions) : OneOf(kOtherMentions));
}

std::string RandomCedar::ResourceScope() {
  switch (Below(6)) {
    case 0:
      return "resource == " + Resource();
    case 1:
      return "resource is Aegis::Resource";
    case 2:
      return "resource is Aegis::Resource in " + Resource();
    case 3:
      return "resource in " + Resource();
    default:
      return "resource";
  }
}

std::string RandomCedar::Condition(std::size_t depth) {
  if (depth == 0) {
    return Test();
  }
  switch (Below(6)) {
    case 0:
    case 1:
      return "(" + Condition(depth - 1) + ") && (" + Condition(depth - 1) + ")";
    case 2:
    case 3:
      return "(" + Condition(depth - 1) + ") || (" + Condition(depth - 1) + ")";
    case 4:
      return "!(" + Condition(depth - 1) + ")";
    default:
      return "if " + Condition(depth - 1) + " then " + Condition(depth - 1) + " else " +
             Condition(depth - 1);
  }
}

std::string RandomCedar::Test() {
  switch (Below(8)) {
    case 0:
      return ActionTest();
    case 1:
    case 2:
      return ContextTest();
    case 3:
      return "principal == " + Quoted("Agent", OneOf(kAgents));
    default:
      return ResourceTest();
  }
}

std::string RandomCedar::ResourceTest() {
  switch (Below(11)) {
    case 0:
      return "resource == " + Resource();
    case 1:
      return Resource() + " == resource";
    case 2:
      return "resource != " + Resource();
    case 3:
      return "resource in [" + Resource() + ", " + Resource() + ", " + Resource() + "]";
    case 4:
      return "resource is Aegis::Resource in " + Resource();
    case 5:
      return "[" + Resource() + ", " + Resource() + "].contains(resource)";
    case 6:
      return "resource.path like \"*" + std::string(OneOf(kParts)) + "\"";
    case 7:
      return "resource.path == \"/a/b\"";
    default:
      return "resource in " + Resource();
  }
}

std::string RandomCedar::ActionTest() {
  switch (Below(4)) {
    case 0:
      return "action == " + AnAction();
    case 1:
      return "action in [" + ActionOrGroup() + ", " + ActionOrGroup() + "]";
    default:
      return "action in " + ActionOrGroup();
  }
}

std::string RandomCedar::ContextTest() {
  static constexpr std::array<std::string_view, 8> kTests = {
      "context.pid > 5",
      "context.pid + 1 == 4",
      "context has exe",
      "context has exe && context.exe == \"/bin/x\"",
      "context has exe && context.exe like \"*/y\"",
      "[1, 2, 3].contains(context.pid)",
      "{n: context.pid}.n < 4",
      "context.pid + 9223372036854775800 > 0"};  // overflows above 7
  static constexpr std::array<std::string_view, 3> kSpawn = {
      "context has argv && context.argv.contains(\"-f\")",
      "context has argv && context.argv.containsAny([\"-f\", \"--all\"])",
      "context has argv && context.argv == [\"x\"]"};
  static constexpr std::array<std::string_view, 3> kConnect = {
      "context has port && context.port == 443", "context has host && context.host like \"*.com\"",
      "context has protocol && context.protocol == \"tcp\""};
  if (only_ == "ProcessSpawn" && Below(2) == 0) {
    return std::string(OneOf(kSpawn));
  }
  if (only_ == "NetConnect" && Below(2) == 0) {
    return std::string(OneOf(kConnect));
  }
  return std::string(OneOf(kTests));
}

}  // namespace aegis::policy
