#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// The resources that policies mention, arranged so that the ones a path lies in are found in one
// pass over the path. Internal to the module.
namespace aegis::policy {

// Whether `name` matches `pattern`, in which `*` stands for any bytes, also none.
bool MatchesGlob(std::string_view pattern, std::string_view name);

// Immutable once built; not thread safe to build, safe to read.
class PathIndex {
 public:
  // `mentions`: absolute paths ("/srv"), name groups ("*/PATTERN"); others match no path. Their
  // positions are the ids that Ancestors() gives. `seed` keys the fold of classes (see Class).
  PathIndex(const std::vector<std::string>& mentions, std::uint64_t seed);
  PathIndex(PathIndex&&) noexcept;
  PathIndex& operator=(PathIndex&&) noexcept;
  PathIndex(const PathIndex&) = delete;
  PathIndex& operator=(const PathIndex&) = delete;
  ~PathIndex();

  // The place `path` is where the mention `mention` leads: Linked() gives it there and below.
  void AddLink(std::string_view path, std::uint32_t mention);

  // Ids of the mentions that lead to `path` or to an ancestor of it by a link, appended to `out`.
  void Linked(std::string_view path, std::vector<std::uint32_t>& out) const;

  // Ids of the mentions that are `path` or an ancestor of it, appended to `out`, each once. False
  // if `path` is not a canonical absolute path, so that its ancestors mean nothing.
  bool Ancestors(std::string_view path, std::vector<std::uint32_t>& out) const;

  // A number equal for two paths only if they have the same ancestors and are, or are not, all
  // themselves mentioned. Exact while trie and groups fit in 64 bits; beyond that a fold of them
  // under a secret seed. kNotCanonical for what Ancestors() refuses, and for nothing else.
  std::uint64_t Class(std::string_view path) const;

  // Whether some group takes a component of this name.
  bool TakesName(std::string_view name) const;

  // Some mentioned path lies strictly below `path`.
  bool HasBelow(std::string_view path) const;

  static constexpr std::uint64_t kNotCanonical = ~std::uint64_t{0};

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Node {
    std::uint32_t mention = kNone;
    std::uint32_t place = 0;            // numbers the nodes that tell classes apart; 0: it does not
    std::vector<std::uint32_t> linked;  // mentions that lead here
    bool below = false;                 // some mentioned path lies strictly below
  };
  struct Edge {
    std::uint32_t parent = 0;
    std::string_view name;
    bool operator==(const Edge&) const = default;
  };
  struct EdgeHash {
    std::size_t operator()(const Edge& edge) const;
  };
  struct Group {
    std::string pattern;
    std::uint32_t mention = kNone;
  };
  // What a walk along a path has found.
  struct Walk {
    std::uint32_t place = 0;     // the deepest place that holds it
    bool exact = false;          // it is that place itself
    std::uint32_t node = kNone;  // its own node, if it has one
    bool canonical = false;
  };

  Node& AddPath(std::string_view path);
  void IndexGroup(std::uint32_t group);
  static std::uint64_t PathPart(const Walk& walk);
  std::uint32_t Child(std::uint32_t parent, std::string_view name) const;  // kNone if there is none
  template <typename OnPlace, typename OnGroup>
  Walk Follow(std::string_view path, OnPlace on_place, OnGroup on_group) const;
  void Pack();
  template <typename OnGroup>
  void MatchGroups(std::string_view name, OnGroup on_group) const;

  std::deque<std::string> names_;  // storage behind the edges; a deque moves no element
  std::unordered_map<Edge, std::uint32_t, EdgeHash> edges_;
  std::vector<Node> nodes_;
  std::vector<Group> groups_;
  // Groups by what a matching name needs: to be the pattern, to begin or to end with a byte, or
  // nothing that is quickly told.
  std::unordered_map<std::string_view, std::uint32_t> exact_groups_;
  std::array<std::vector<std::uint32_t>, 256> by_first_;
  std::array<std::vector<std::uint32_t>, 256> by_last_;
  std::vector<std::uint32_t> other_groups_;
  std::uint64_t seed_ = 0;
  std::uint32_t places_ = 0;
  unsigned group_shift_ = 0;
  bool packed_ = true;
};

}  // namespace aegis::policy
