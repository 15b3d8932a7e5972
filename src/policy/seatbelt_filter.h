#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/policy.h"

// Places of policies as filters of Seatbelt profiles. Internal to the module.
namespace aegis::policy::seatbelt {

// A part of the files, as bytes under the names that a Mac's kernel gives them.
struct Area {
  enum class Kind : std::uint8_t {
    kPath,   // `name` alone
    kTree,   // `name` and all below it
    kGroup,  // every path with a component that matches the pattern `name`, and all below that
  };
  Kind kind = Kind::kPath;
  std::string name;

  friend bool operator==(const Area&, const Area&) = default;
};

// Nothing for places that hold no file: hosts, and `resource == "*/x"`.
std::optional<Area> AreaOf(const PolicySet::Place& place);

// The name that a Mac's kernel has for a path: /tmp, /var and /etc are links into /private.
std::string OnMac(std::string_view path);

// Whether all of `inner` lies in `outer`, as far as their names tell.
bool Holds(const Area& outer, const Area& inner);

// A filter that matches the area and nothing else; none where its name has bytes that a profile
// can't hold exactly or that a reader would not see.
std::optional<std::string> ExactFilter(const Area& area);

// A filter that matches at least the area: such bytes, and characters that a file system may spell
// in two ways, stand for any others of their component.
std::string WideFilter(const Area& area);

// A string of the profile language; no byte of `text` ends it. For printable ASCII and UTF-8.
std::string Quoted(std::string_view text);

}  // namespace aegis::policy::seatbelt
