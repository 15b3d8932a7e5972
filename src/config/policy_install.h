#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "config/configuration.h"

// Changing the policies of a configuration as a whole.
namespace aegis::config {

// A policy file to be: its name in policies/ and its text.
struct NewPolicyFile {
  std::string name;
  std::string text;
};

// kInvalid unless `name` can name a policy file: "*.cedar" without '/', no leading dot.
base::Result<> CheckPolicyFileName(std::string_view name);

// Keeps others out who change the policies of the same configuration in this way, until it is
// closed. Waits for them.
base::Result<base::UniqueFd> LockPolicies(const Configuration& configuration);

// The directory that files are imported into. kInvalid unless it is a directory, no link, and
// policy_paths has it: elsewhere they would change nothing.
base::Result<std::string> PolicyDirectory(const Configuration& configuration);

// The names among `files` that are taken there.
std::vector<std::string> TakenNames(const std::string& directory,
                                    const std::vector<NewPolicyFile>& files);

// Puts the files there, over those of the same names, which are replaced and never written
// through. One file by one rename; several by exchanging the whole directory for its changed copy,
// so that no run sees a part of them. Nothing is changed on error.
base::Result<> InstallPolicyFiles(const std::string& directory,
                                  const std::vector<NewPolicyFile>& files);

}  // namespace aegis::config
