#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::config {

// The file that a shell would run for `program`: a name with a slash as it stands, else the first
// executable of that name on `path` (a PATH value; without one, the system's default). The result
// is as found, not canonical. kNotFound: there is none. kDenied: there is one, and it may not be
// executed (a directory, no x bit, a directory that may not be searched).
base::Result<std::string> ResolveProgram(std::string_view program,
                                         std::optional<std::string_view> path);

}  // namespace aegis::config
