#include "advice/places.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "advice/question.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using Place = policy::PolicySet::Place;
using Info = policy::PolicySet::Info;

bool IsPath(std::string_view name) { return name.starts_with('/'); }

bool IsGroup(std::string_view name) { return name.starts_with("*/"); }

// Whether all connections to the host, domain or range `inner` are some to `outer`.
bool HoldsHost(std::string_view outer, std::string_view inner) {
  if (outer == inner) {
    return true;
  }
  const bool named = inner.starts_with('*') || policy::IsHostName(inner);
  if (outer == "*" || outer.starts_with("*.")) {
    return named && (outer == "*" || inner.ends_with(outer.substr(1)));
  }
  const auto range = policy::ParseAddressRange(outer);
  if (!range) {
    return false;
  }
  const auto address = policy::ParseAddress(inner);
  const auto within = policy::ParseAddressRange(inner);
  return (address && range->Contains(*address)) ||
         (within && within->length >= range->length && range->Contains(within->base));
}

// Names that are no paths: equal, a host and one of its ports, a domain and what is below it.
bool HoldsName(std::string_view outer, std::string_view inner) {
  const std::string_view port = policy::PortPart(outer);
  return outer == inner || (HoldsHost(policy::HostPart(outer), policy::HostPart(inner)) &&
                            (port.empty() || port == policy::PortPart(inner)));
}

// "api.example.com" and "*.example.com:443" have connections in common, and neither holds the
// other.
bool HostsMeet(std::string_view a, std::string_view b) {
  const std::string_view port = policy::PortPart(a);
  const std::string_view other = policy::PortPart(b);
  const bool ports = port.empty() || other.empty() || port == other;
  return ports && (HoldsHost(policy::HostPart(a), policy::HostPart(b)) ||
                   HoldsHost(policy::HostPart(b), policy::HostPart(a)));
}

// A name in which `*` stands for any bytes.
bool Matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t in_name = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = in_name;
    } else if (at < pattern.size() && pattern[at] == name[in_name]) {
      ++at;
      ++in_name;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_name = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

// Whether a path has a component that a group "*/PATTERN" names.
bool GroupHolds(std::string_view group, std::string_view path) {
  const std::string_view pattern = group.substr(std::string_view("*/").size());
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    if (Matches(pattern, path.substr(at + 1, end - at - 1))) {
      return true;
    }
    at = end;
  }
  return false;
}

}  // namespace

std::size_t Components(std::string_view path) {
  return path == "/" ? 0 : static_cast<std::size_t>(std::ranges::count(path, '/'));
}

std::size_t SharedComponents(std::string_view a, std::string_view b) {
  std::size_t shared = 0;
  std::size_t at = 0;
  while (at < a.size() && at < b.size()) {
    const std::size_t end_a = std::min(a.find('/', at + 1), a.size());
    const std::size_t end_b = std::min(b.find('/', at + 1), b.size());
    if (end_a != end_b || a.substr(at, end_a - at) != b.substr(at, end_b - at) || end_a == at + 1) {
      break;
    }
    ++shared;
    at = end_a;
  }
  return shared;
}

bool IsWithin(std::string_view path, std::string_view root) {
  return root == "/"
             ? IsPath(path)
             : path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

bool Holds(const Place& outer, const Place& inner) {
  if (outer == inner || (outer.name == inner.name && outer.subtree)) {
    return true;
  }
  if (!outer.subtree) {
    return false;
  }
  if (IsPath(outer.name)) {
    return IsPath(inner.name) ? IsWithin(inner.name, outer.name)
                              : outer.name == "/" && IsGroup(inner.name);
  }
  if (IsGroup(outer.name)) {
    return IsPath(inner.name) && GroupHolds(outer.name, inner.name);
  }
  return !IsPath(inner.name) && HoldsName(outer.name, inner.name);
}

bool MayMeet(const Place& a, const Place& b) {
  if (IsGroup(a.name) || IsGroup(b.name)) {
    const std::string_view other = IsGroup(a.name) ? b.name : a.name;
    return IsPath(other) || IsGroup(other);
  }
  if (a.subtree && b.subtree && !IsPath(a.name) && !IsPath(b.name)) {
    return HostsMeet(a.name, b.name);
  }
  return Holds(a, b) || Holds(b, a);
}

bool MayHold(const Info& info, const Question& question) {
  const Place asked{.name = question.resource, .subtree = false};
  return !info.bounded ||
         std::ranges::any_of(info.places, [&](const Place& place) { return Holds(place, asked); });
}

bool MayTouch(const Info& info, std::string_view place) {
  const Place asked{.name = std::string(place), .subtree = true};
  return !info.bounded ||
         std::ranges::any_of(info.places, [&](const Place& one) { return MayMeet(one, asked); });
}

std::string Aliased(std::string_view path, const policy::Names& names) {
  for (const auto& [alias, base] :
       {std::pair<std::string_view, std::string_view>("@dir", names.dir), {"~", names.home}}) {
    if (!base.empty() && base != "/" && IsPath(path) && IsWithin(path, base)) {
      return std::string(alias).append(path.substr(base.size()));
    }
  }
  return std::string(path);
}

}  // namespace aegis::advice
