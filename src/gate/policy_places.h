#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::gate {

// The places that a run reads its policies from, settled at its start: canonical paths (bytes) of
// files, or of directories of which every *.cedar counts.

// Whether a directory's file of this name counts, as configurations read a directory.
bool IsPolicyName(std::string_view name);

// Refuses (kInvalid, with the name and why) places that may say what somebody else has written
// under another name: one that a symbolic link leads to by now, and policy files that are links,
// other than regular files, or known by a second name. An error, too, for a place that is gone.
base::Result<> RequireOwnNames(const std::vector<std::string>& places);

// How the places and their files stand, without reading them: another text once anything was
// written, replaced, added or taken away. A few system calls for each file.
std::string StateOfPlaces(const std::vector<std::string>& places);

}  // namespace aegis::gate
