#pragma once

#include <string>
#include <vector>

#include "canon/canon.h"
#include "witness/target.h"

namespace aegis::witness {

// What is configured of witnesses for a ledger.
struct Settings {
  std::vector<Target> targets{};
  // Whose cosignatures count: those of all witnesses that are asked over HTTP.
  std::vector<canon::VerifierKey> keys{};
  std::string ca_file{};  // PEM, instead of the system's certificate authorities; or empty
  // A run must not begin before every target has taken a checkpoint.
  bool required = false;

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace aegis::witness
