#include "policy/path_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::policy {
namespace {

constexpr unsigned kWordBits = 64;

std::size_t ByteOf(char c) { return static_cast<unsigned char>(c); }

bool IsOddComponent(std::string_view name) { return name.empty() || name == "." || name == ".."; }

// The next component of `path` from `at` on, which stands on a slash; moves `at` behind it.
std::string_view NextComponent(std::string_view path, std::size_t& at) {
  const std::size_t begin = at + 1;
  at = std::min(path.find('/', begin), path.size());
  return path.substr(begin, at - begin);
}

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  std::uint64_t x = (a ^ std::rotl(b, 29)) + kOdd;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

}  // namespace

bool MatchesGlob(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // the last star, and where its text would end
  std::size_t retry = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::size_t PathIndex::EdgeHash::operator()(const Edge& edge) const {
  return std::hash<std::string_view>()(edge.name) ^ (edge.parent * 0x9e3779b97f4a7c15ULL);
}

PathIndex::PathIndex(PathIndex&&) noexcept = default;
PathIndex& PathIndex::operator=(PathIndex&&) noexcept = default;
PathIndex::~PathIndex() = default;

PathIndex::PathIndex(const std::vector<std::string>& mentions, std::uint64_t seed) : seed_(seed) {
  nodes_.emplace_back();
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    const std::string_view mention = mentions[i];
    if (mention.starts_with("*/")) {
      groups_.push_back(
          {.pattern = std::string(mention.substr(2)), .mention = static_cast<std::uint32_t>(i)});
    } else if (mention.starts_with('/')) {
      AddPath(mention).mention = static_cast<std::uint32_t>(i);
    }
  }
  for (std::uint32_t i = 0; i < groups_.size(); ++i) {
    IndexGroup(i);
  }
  Pack();
}

// Divides the bits of a class between place and groups.
void PathIndex::Pack() {
  group_shift_ = static_cast<unsigned>(std::bit_width(places_)) + 1;
  packed_ = group_shift_ + groups_.size() < kWordBits;
}

PathIndex::Node& PathIndex::AddPath(std::string_view path) {
  std::uint32_t node = 0;
  for (std::size_t at = 0; path != "/" && at < path.size();) {
    const std::string_view name = NextComponent(path, at);
    nodes_[node].below = true;
    std::uint32_t child = Child(node, name);
    if (child == kNone) {
      child = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      edges_.emplace(Edge{.parent = node, .name = names_.emplace_back(name)}, child);
    }
    node = child;
  }
  if (nodes_[node].place == 0) {
    nodes_[node].place = ++places_;
  }
  return nodes_[node];
}

void PathIndex::AddLink(std::string_view path, std::uint32_t mention) {
  AddPath(path).linked.push_back(mention);
  Pack();
}

void PathIndex::IndexGroup(std::uint32_t group) {
  const std::string_view pattern = groups_[group].pattern;
  if (pattern.find('*') == std::string_view::npos) {
    exact_groups_.emplace(pattern, group);
  } else if (pattern.front() != '*') {
    by_first_.at(ByteOf(pattern.front())).push_back(group);
  } else if (pattern.back() != '*') {
    by_last_.at(ByteOf(pattern.back())).push_back(group);
  } else {
    other_groups_.push_back(group);
  }
}

std::uint32_t PathIndex::Child(std::uint32_t parent, std::string_view name) const {
  const auto found = edges_.find(Edge{.parent = parent, .name = name});
  return found == edges_.end() ? kNone : found->second;
}

template <typename OnGroup>
void PathIndex::MatchGroups(std::string_view name, OnGroup on_group) const {
  if (name.empty()) {
    return;
  }
  if (const auto found = exact_groups_.find(name); found != exact_groups_.end()) {
    on_group(found->second);
  }
  for (const auto* candidates :
       {&by_first_.at(ByteOf(name.front())), &by_last_.at(ByteOf(name.back())), &other_groups_}) {
    for (const std::uint32_t group : *candidates) {
      if (MatchesGlob(groups_[group].pattern, name)) {
        on_group(group);
      }
    }
  }
}

template <typename OnPlace, typename OnGroup>
PathIndex::Walk PathIndex::Follow(std::string_view path, OnPlace on_place, OnGroup on_group) const {
  Walk walk{.place = nodes_[0].place, .exact = path == "/", .node = 0};
  walk.canonical = path.starts_with('/');
  if (walk.place != 0) {
    on_place(nodes_[0]);
  }
  for (std::size_t at = 0; path != "/" && at < path.size();) {
    const std::string_view name = NextComponent(path, at);
    walk.exact = false;
    walk.canonical = walk.canonical && !IsOddComponent(name);
    if (walk.node != kNone) {
      walk.node = Child(walk.node, name);
    }
    if (walk.node != kNone && nodes_[walk.node].place != 0) {
      walk.place = nodes_[walk.node].place;
      walk.exact = at == path.size();
      on_place(nodes_[walk.node]);
    }
    if (!groups_.empty()) {
      MatchGroups(name, on_group);
    }
  }
  return walk;
}

bool PathIndex::Ancestors(std::string_view path, std::vector<std::uint32_t>& out) const {
  const auto add = [&out](const Node& node) {
    if (node.mention != kNone) {
      out.push_back(node.mention);
    }
  };
  const auto add_group = [this, &out](std::uint32_t group) {
    const std::uint32_t mention = groups_[group].mention;
    if (std::ranges::find(out, mention) == out.end()) {
      out.push_back(mention);
    }
  };
  return Follow(path, add, add_group).canonical;
}

void PathIndex::Linked(std::string_view path, std::vector<std::uint32_t>& out) const {
  const auto add = [&out](const Node& node) {
    out.insert(out.end(), node.linked.begin(), node.linked.end());
  };
  Follow(path, add, [](std::uint32_t) {});
}

std::uint64_t PathIndex::Class(std::string_view path) const {
  const auto ignore = [](const Node&) {};
  if (packed_) {
    std::uint64_t groups = 0;
    const Walk walk = Follow(
        path, ignore, [&groups](std::uint32_t group) { groups |= std::uint64_t{1} << group; });
    const std::uint64_t found = PathPart(walk) | (groups_.empty() ? 0 : groups << group_shift_);
    return walk.canonical ? found : kNotCanonical;
  }
  std::vector<std::uint64_t> words((groups_.size() / kWordBits) + 1);
  const Walk walk = Follow(path, ignore, [&words](std::uint32_t group) {
    words[group / kWordBits] |= std::uint64_t{1} << (group % kWordBits);
  });
  std::uint64_t fold = Mix(seed_, PathPart(walk));
  for (const std::uint64_t word : words) {
    fold = Mix(Mix(fold, word), seed_);
  }
  return walk.canonical ? fold >> 1U : kNotCanonical;
}

std::uint64_t PathIndex::PathPart(const Walk& walk) {
  return (std::uint64_t{walk.place} << 1U) | (walk.exact && walk.place != 0 ? 1U : 0U);
}

bool PathIndex::TakesName(std::string_view name) const {
  bool taken = false;
  MatchGroups(name, [&taken](std::uint32_t) { taken = true; });
  return taken;
}

bool PathIndex::HasBelow(std::string_view path) const {
  std::uint32_t node = 0;
  for (std::size_t at = 0; path != "/" && at < path.size();) {
    node = Child(node, NextComponent(path, at));
    if (node == kNone) {
      return false;
    }
  }
  return nodes_[node].below;
}

}  // namespace aegis::policy
