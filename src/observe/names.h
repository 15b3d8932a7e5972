#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace aegis::observe {

// The names in a directory as bytes, without `.` and `..`, in no order. `directory` may be an
// O_PATH descriptor. One that was removed holds none.
base::Result<std::vector<std::string>> ListNames(int directory);

}  // namespace aegis::observe
