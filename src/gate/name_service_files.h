#pragma once

#include <vector>

#include "sandbox/plan.h"

namespace aegis::gate {

// The files by which programs inside resolve names: they ask the run's own name server, and nothing
// else. Of nsswitch.conf only the line about hosts differs from the machine's.
std::vector<sandbox::SuppliedFile> NameServiceFiles();

}  // namespace aegis::gate
