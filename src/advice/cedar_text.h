#pragma once

#include <string>
#include <string_view>

#include "policy/policy.h"

namespace aegis::advice {

// A Cedar string literal, quotes included, that shows no control characters.
std::string CedarString(std::string_view text);

// A permit of one action on one resource, or on it and all below (`subtree`), as Cedar text. A path
// with a `*`, which no head can name, is compared as text; `subtree` is not for such.
std::string PermitText(policy::Action action, std::string_view resource, bool subtree);

}  // namespace aegis::advice
