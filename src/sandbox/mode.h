#pragma once

#include <cstdint>

namespace aegis::sandbox {

// kRun enforces: nothing is left to the agent that was not judged. kWrap watches: the same gate,
// but nothing is refused except Aegis' own state, privileges, and what would blind the record
// (io_uring, new namespaces, mounts).
enum class Mode : std::uint8_t { kRun, kWrap };

}  // namespace aegis::sandbox
