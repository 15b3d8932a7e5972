#pragma once

#include <span>
#include <string_view>

namespace aegis::config {

// The candidate most like a mistyped word, for "did you mean"; "" if none is close.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace aegis::config
