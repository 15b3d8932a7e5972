#include "advice/places.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "advice/question.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using Place = policy::PolicySet::Place;
using Info = policy::PolicySet::Info;

bool IsPath(std::string_view name) { return name.starts_with('/'); }

bool IsGroup(std::string_view name) { return name.starts_with("*/"); }

// "*.example.com" holds "api.example.com", and "*.eu.example.com".
bool IsBelowDomain(std::string_view host, std::string_view pattern) {
  return pattern.starts_with("*.") && host.size() + 1 > pattern.size() &&
         host.ends_with(pattern.substr(1));
}

// Names that are no paths: equal, a host and one of its ports, a domain and what is below it.
bool HoldsName(std::string_view outer, std::string_view inner) {
  return outer == inner || outer == HostOf(inner) || IsBelowDomain(HostOf(inner), outer);
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

std::string_view HostOf(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  const bool port = colon != std::string_view::npos && !name.starts_with("unix:") &&
                    (name.find(':') == colon || name.starts_with('['));
  std::string_view host = port ? name.substr(0, colon) : name;
  if (host.size() > 2 && host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

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
