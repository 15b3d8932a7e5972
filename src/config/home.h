#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::config {

// The user's home directory: $HOME, else what the password database says; absolute, canonical where
// it exists. kNotFound if neither names one.
base::Result<std::string> UserHome(std::span<const std::string> environment);

// $AEGIS_HOME: the directory below which all state of Aegis lies, one directory per configuration:
//   NAME/aegis.toml  NAME/policies/*.cedar  NAME/audit.db  NAME/sandbox/  NAME/journal/  current
// Whoever can write there can rewrite policies, so everything that exists must belong to the caller
// and be writable by nobody else; anything else is refused before it is read. Holds no descriptor;
// not thread safe with SetActive, which is atomic for other processes.
class Home {
 public:
  // AEGIS_HOME, else AEGIS_DIR (the older name), else .aegis below the user's home. A relative path
  // counts from the working directory. Creates nothing; a directory that does not exist is fine.
  static base::Result<Home> Locate(std::span<const std::string> environment);

  // Absolute and canonical (as far as it exists).
  const std::string& path() const { return path_; }

  // Makes the directory (mode 0700) where it is missing.
  base::Result<> Ensure() const;

  // The directory of a configuration, and whether there is one. `name` must be a valid name.
  std::string StateDir(std::string_view name) const;
  bool Has(std::string_view name) const;

  // kInvalid/kDenied unless the configuration's directory is one that only the caller can change;
  // kNotFound, with what to do, if there is none.
  base::Result<> CheckState(std::string_view name) const;

  // The names of all configurations, sorted. Directories without an aegis.toml are none.
  base::Result<std::vector<std::string>> Names() const;

  // What `aegis use` chose, if anything. A file that holds no valid name is an error.
  base::Result<std::optional<std::string>> Active() const;
  base::Result<> SetActive(std::string_view name) const;

 private:
  explicit Home(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace aegis::config
