#pragma once

#include <array>
#include <string_view>

// Values of options of which there are only a few: Option::choices.
namespace aegis::cli {

inline constexpr auto kActionChoices =
    std::to_array<std::string_view>({"FileRead", "FileWrite", "FileDelete", "DirCreate", "DirList",
                                     "NetConnect", "ToolCall", "ProcessSpawn", "ProcessExit"});

inline constexpr auto kLevelChoices = std::to_array<std::string_view>({"full", "writes"});

inline constexpr auto kDecisionChoices = std::to_array<std::string_view>({"allow", "deny"});

}  // namespace aegis::cli
