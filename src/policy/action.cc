#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "policy/policy.h"

namespace aegis::policy {
namespace {

constexpr std::array<std::string_view, kActionCount> kNames = {
    "FileRead",   "FileWrite", "FileDelete",   "DirCreate",  "DirList",
    "NetConnect", "ToolCall",  "ProcessSpawn", "ProcessExit"};

}  // namespace

std::string_view ActionName(Action action) { return kNames.at(static_cast<std::size_t>(action)); }

std::optional<Action> ParseAction(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames.at(i) == name) {
      return static_cast<Action>(i);
    }
  }
  return std::nullopt;
}

}  // namespace aegis::policy
