#include "config/name.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::config {
namespace {

constexpr std::array<std::string_view, 4> kReserved = {"current", "daemon", "pilot", "wraps"};
constexpr std::string_view kFallback = "agent";

// Not std::isalnum: that depends on the locale.
bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

bool IsReserved(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

}  // namespace

base::Result<> CheckName(std::string_view name) {
  std::string quoted(1, '"');
  quoted.append(name.substr(0, kMaxNameLength)).append(1, '"');
  if (name.empty()) {
    return base::Fail(base::Errc::kInvalid, "the name of a configuration is empty");
  }
  if (name.size() > kMaxNameLength) {
    return base::Fail(base::Errc::kInvalid,
                      "configuration name " + quoted + "… is longer than 64 characters");
  }
  if (!std::ranges::all_of(name, IsNameCharacter)) {
    return base::Fail(base::Errc::kInvalid,
                      "configuration name " + quoted + " may hold letters, digits, - _ . only");
  }
  // `-x` would be read as an option by the commands that take the name.
  if (name.front() == '.' || name.front() == '-') {
    return base::Fail(base::Errc::kInvalid,
                      "configuration name " + quoted + " may not begin with . or -");
  }
  if (IsReserved(name)) {
    return base::Fail(base::Errc::kInvalid,
                      "configuration name " + quoted + " is reserved for Aegis itself");
  }
  return {};
}

std::string NameForProgram(std::string_view program) {
  while (program.size() > 1 && program.ends_with('/')) {
    program.remove_suffix(1);
  }
  if (const std::size_t slash = program.rfind('/'); slash != std::string_view::npos) {
    program.remove_prefix(slash + 1);
  }
  std::string name(program.substr(0, kMaxNameLength));
  std::ranges::replace_if(name, [](char c) { return !IsNameCharacter(c); }, '-');
  const std::size_t start = name.find_first_not_of(".-");
  if (start == std::string::npos) {
    return std::string(kFallback);
  }
  name.erase(0, start);
  return IsReserved(name) ? name + "-" + std::string(kFallback) : name;
}

}  // namespace aegis::config
