#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace aegis::advice {

enum class Severity : std::uint8_t {
  kHint,     // worth a look
  kWarning,  // opens more, or protects less, than a reader would think
  kError,    // can't do what it was written for
};

std::string_view SeverityName(Severity severity);  // "warning"

// Something about one policy that its author should know.
struct Finding {
  Severity severity = Severity::kHint;
  std::string_view code{};  // stable, e.g. "SECRET"; docs/policy.md lists them
  std::size_t policy = 0;   // its number in the set
  std::string message{};
  std::string advice{};  // what to do
};

enum class FileKind : std::uint8_t { kMissing, kDirectory, kOther };

// What a path in escaped form is on this machine.
using LookAt = std::function<FileKind(const std::string& path)>;

// Looks at a set of policies, as loaded by `names`; findings by policy, in the order of the set.
std::vector<Finding> Lint(const policy::PolicySet& policies, const policy::Names& names,
                          const LookAt& look_at);

}  // namespace aegis::advice
