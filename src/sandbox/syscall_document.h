#pragma once

#include <string>

namespace aegis::sandbox::testing_support {

// docs/system-calls.md, as the table says it.
std::string SyscallDocument();

}  // namespace aegis::sandbox::testing_support
