#pragma once

#include <string_view>

namespace aegis::cli {

inline constexpr std::string_view kVersion =
    AEGIS_VERSION;  // from the build: the project's version

}  // namespace aegis::cli
