#include "gate/script.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::gate {

namespace {

constexpr std::string_view kBlanks = " \t";

}  // namespace

std::optional<Interpreter> ParseInterpreter(std::string_view head) {
  if (!head.starts_with("#!")) {
    return std::nullopt;
  }
  // Without a newline the kernel's line reaches to the end of its buffer, zeros behind a short
  // file: blanks at the end of that are not trimmed, and may stand before an empty argument.
  const std::size_t newline = head.find('\n');
  const bool trimmed = newline != std::string_view::npos || head.size() >= kScriptHead;
  std::string_view line = head.substr(2, std::min(newline, kScriptHead - 1) - 2);
  line = trimmed ? line.substr(0, line.find_last_not_of(kBlanks) + 1) : line;
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::size_t end = line.find_first_of(std::string_view(" \t\0", 3));
  Interpreter interpreter{.path = std::string(line.substr(0, end)), .argument = std::nullopt};
  if (interpreter.path.empty()) {
    return std::nullopt;
  }
  if (end != std::string_view::npos && line[end] != '\0') {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks, end), line.size()));
    interpreter.argument = std::string(line.substr(0, line.find('\0')));
  }
  return interpreter;
}

}  // namespace aegis::gate
