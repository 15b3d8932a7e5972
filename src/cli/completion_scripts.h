#pragma once

#include <string_view>

namespace aegis::cli {

// The shells that `aegis completions` writes for. Each script asks `aegis __complete WORD...` for
// the words that fit, so that it never knows less than the program that it completes.
std::string_view BashCompletion();
std::string_view ZshCompletion();
std::string_view FishCompletion();

}  // namespace aegis::cli
