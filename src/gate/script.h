#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::gate {

// The first line of a script (execve(2)).
struct Interpreter {
  std::string path;
  std::optional<std::string> argument;  // all that follows, as one

  friend bool operator==(const Interpreter&, const Interpreter&) = default;
};

// As many bytes of a file as the kernel looks at (BINPRM_BUF_SIZE).
inline constexpr std::size_t kScriptHead = 256;

// What the kernel runs for a file that begins with `head`; nothing if that is no script.
std::optional<Interpreter> ParseInterpreter(std::string_view head);

}  // namespace aegis::gate
