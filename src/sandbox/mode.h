#pragma once

#include <cstdint>

namespace aegis::sandbox {

// kRun enforces: nothing is left to the agent that was not judged. kWrap watches: the same gate,
// but nothing is refused except Aegis' own state, privileges, and what would blind the record
// (io_uring, new namespaces, mounts).
enum class Mode : std::uint8_t { kRun, kWrap };

// What of the agent's opens is recorded, under kRun. kWrites leaves plain reads to the kernel:
// Landlock permits what a static rule of the policy permits (Plan::native), and neither the
// supervisor nor the record hears of it.
enum class Level : std::uint8_t { kFull, kWrites };

}  // namespace aegis::sandbox
