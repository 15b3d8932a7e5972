#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "config/home.h"

namespace aegis::config {

// A configuration in the making: a directory of a name that no configuration can have, filled by
// the caller and then put in place by one rename. Other processes see a whole configuration or
// none, and of several that make the same one exactly one wins. Removed again unless published.
class Staging {
 public:
  // Makes the directory (0700) below `home`, and `home` itself where it is missing.
  static base::Result<Staging> Begin(const Home& home);

  Staging(Staging&& other) noexcept
      : home_(std::move(other.home_)), path_(std::exchange(other.path_, {})) {}
  Staging& operator=(Staging&&) = delete;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();

  // Absolute path of the directory to fill.
  const std::string& path() const { return path_; }

  // Puts the directory in place as `name`. kExists: another one is there already, untouched.
  base::Result<> Publish(std::string_view name);

 private:
  Staging(Home home, std::string path) : home_(std::move(home)), path_(std::move(path)) {}

  Home home_;
  std::string path_;  // empty once published or moved from
};

}  // namespace aegis::config
