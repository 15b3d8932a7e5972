#include <cstddef>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "policy/policy.h"

namespace aegis::policy {

// What does not exist yet is resolved as far as it does: "~/.config/gh" may come to be behind a
// ~/.config that is a link.
std::string LeadsTo(const std::string& path) {
  const std::string bytes = base::UnescapeName(path);
  if (base::LookUpPlainly(bytes) != base::PlainLookup::kUnclear) {
    return {};
  }
  std::size_t end = bytes.size();
  while (end > 0) {
    if (const auto found = base::CanonicalPath(bytes.substr(0, end)); found.has_value()) {
      const std::string target = (*found == "/" ? "" : *found) + bytes.substr(end);
      return target == bytes || target.empty() ? std::string() : base::EscapeName(target);
    }
    end = bytes.rfind('/', end - 1);
  }
  return {};
}

}  // namespace aegis::policy
