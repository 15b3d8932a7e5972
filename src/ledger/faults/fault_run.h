#pragma once

// Runs fault_driver with the shim, for tests.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aegis::ledger::faults {

// What the driver has told.
struct Told {
  struct Promise {
    std::uint64_t appended = 0;  // entries acknowledged
    std::uint64_t durable = 0;   // entries up to the last one that was acknowledged as durable
    std::uint64_t stored = 0;    // entries in the store
    bool purging = false;        // its content may be erased
    bool erased = false;         // it is, as far as it was stored
  };
  std::map<std::string, Promise> sessions;
  std::uint64_t checkpoints = 0;
  std::vector<std::string> policies;  // digests of sets that are in the store
  std::vector<std::string> refusals;
};
// Understands the driver's lines; what is cut at the end is not counted.
Told ReadTold(std::string_view text);

struct DriverRun {
  int status = -1;  // as waitpid gives it
  Told told;
  std::vector<std::string> calls;  // each storage call: name and path
};

// Runs the driver on `directory`, with settings for the shim beyond what to count.
DriverRun RunDriver(const std::string& directory,
                    const std::vector<std::pair<const char*, std::string>>& settings);

// A new directory, in memory if there is such a place: these tests sync without end.
std::string Scratch();

// Checks what a ledger holds, that ran or died and was opened again, against what was told: opens
// it, with all journals drained, verifies it, and looks at each entry. `lost_ordered`: entries that
// were appended, but neither durable nor stored, may be missing.
void ExpectKept(const std::string& directory, const Told& told, bool lost_ordered);

}  // namespace aegis::ledger::faults
