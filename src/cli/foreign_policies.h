#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace aegis::cli {

// What `policy import` takes in: files with the names they will have, and where they came from.
struct ForeignPolicies {
  std::vector<config::NewPolicyFile> files;
  std::vector<std::string> origins;  // of each, as shown in errors (escaped)
};

// Reads a file, every *.cedar of a directory, or standard input ("-"), within the limits of policy
// files. `name` is what the one file will be called; standard input needs one. A link in a
// directory may lead anywhere, and is refused.
base::Result<ForeignPolicies> ReadForeignPolicies(const std::string& path,
                                                  const std::optional<std::string>& name);

}  // namespace aegis::cli
