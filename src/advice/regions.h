#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "advice/question.h"
#include "advice/set_diff.h"

// The regions that sets of policies can tell apart, each with a resource that stands for it: one
// that lies in no narrower region. `mentions` are the resources that the sets name, sorted, each
// once.
namespace aegis::advice {

// A name that no mention has, nor any of its characters; empty where there is none, and then no
// region can have a resource.
std::string FreshName(const std::vector<std::string>& mentions);

inline constexpr std::size_t kNoRegion = ~std::size_t{0};

// A region of hosts or of tools.
struct Sample {
  Region region{};
  Question question{};
  // The samples of the next wider regions, which stand before this one: of a port on a host, its
  // other ports and the same port in the domain around.
  std::vector<std::size_t> around{};
};

std::vector<Sample> HostSamples(const std::vector<std::string>& mentions);
std::vector<Sample> ToolSamples(const std::vector<std::string>& mentions);

// Regions of paths: the places that hold a path, and the name groups that its components match.
class PathRegions {
 public:
  using Groups = std::vector<std::uint32_t>;  // numbers of name groups, rising

  explicit PathRegions(const std::vector<std::string>& mentions);

  // "/" first, and each place behind the one around it.
  const std::vector<std::string>& places() const { return places_; }
  const std::vector<std::string>& groups() const { return groups_; }
  // The narrowest other place that holds this one; kNoRegion for "/".
  std::size_t around(std::size_t place) const { return around_[place]; }
  // The groups that the place itself lies in.
  const Groups& own(std::size_t place) const { return own_[place]; }

  // A path below the place that is in its groups, in these, and in others only if every such path
  // is.
  std::string PathIn(std::size_t place, std::span<const std::uint32_t> groups) const;

 private:
  std::vector<std::string> places_{"/"};
  std::vector<std::string> groups_;
  std::vector<std::string> examples_;  // of each group, a name
  std::vector<std::size_t> around_;
  std::vector<Groups> own_;
  std::string fresh_;
};

}  // namespace aegis::advice
