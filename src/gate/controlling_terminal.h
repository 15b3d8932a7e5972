#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

// Whether this is the device /dev/tty, which stands for the controlling terminal of its opener.
bool IsTtyAlias(const struct stat& st);

// Opens the caller's controlling terminal, as /dev/tty would in the caller itself. Invalid with
// errno set: ENXIO when it has none.
base::UniqueFd OpenControllingTerminal(const Roots& roots, const Process& process,
                                       std::uint64_t flags);

}  // namespace aegis::gate
