#pragma once

#include <string>

namespace aegis::base {

// The name of the user this process runs as, in escaped form; "uid:1000" for one without a name.
// One thread.
std::string UserName();

}  // namespace aegis::base
