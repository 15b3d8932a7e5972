#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::cli {

// A tag is text for people: one line without anything that is not shown as it stands. kInvalid
// otherwise; `what` is what it was given as.
base::Result<> CheckTag(std::string_view what, const std::string& tag);

}  // namespace aegis::cli
