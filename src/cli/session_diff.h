#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/output.h"
#include "cli/session_detail.h"

// What two sessions did differently. Pure: the sessions are read before.
namespace aegis::cli {

// A name that stands for itself, or a directory for so many names in it.
struct Collapsed {
  std::string name{};
  std::size_t count = 1;

  friend bool operator==(const Collapsed&, const Collapsed&) = default;
};

// Sorted names as at most `most` lines, if directories can make them so: each is cut behind the
// same number of components, as many as fit. What is no path stays as it is.
std::vector<Collapsed> Collapse(const std::vector<std::string>& names, std::size_t most);

struct SessionDiff {
  // Something that was one thing here and another there.
  struct Fact {
    std::string_view what{};
    std::string first{};
    std::string second{};
  };
  // Names of one kind: how many each session has, and those that only one has, sorted.
  struct Names {
    std::string_view what{};
    std::size_t first = 0;
    std::size_t second = 0;
    std::vector<std::string> only_first{};
    std::vector<std::string> only_second{};
  };
  std::vector<Fact> facts{};  // only those that differ
  std::vector<Names> names{};

  bool equal() const;
};

// Files and hosts count if something was done to them; what was denied counts as a denial. How
// often is no difference.
SessionDiff Compare(const SessionDetail& first, const SessionDetail& second);

nlohmann::ordered_json DiffJson(const SessionDetail& first, const SessionDetail& second,
                                const SessionDiff& diff);
// For people: `<` is what only the first has, `>` the second. At most `most` lines for each kind
// and side, if directories can make it so.
void PrintDiff(Output& out, const SessionDetail& first, const SessionDetail& second,
               const SessionDiff& diff, std::size_t most);

}  // namespace aegis::cli
