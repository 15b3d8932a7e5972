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
  std::string_view line = head.substr(2, head.find('\n') - 2);
  line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::size_t end = line.find_first_of(std::string_view(" \t\0", 3));
  Interpreter interpreter{.path = std::string(line.substr(0, end)), .argument = std::nullopt};
  if (interpreter.path.empty()) {
    return std::nullopt;
  }
  if (end != std::string_view::npos && line[end] != '\0') {
    line.remove_prefix(line.find_first_not_of(kBlanks, end));
    interpreter.argument = std::string(line.substr(0, line.find('\0')));
  }
  return interpreter;
}

}  // namespace aegis::gate
