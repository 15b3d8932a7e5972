#include "advice/cedar_text.h"

#include <string>
#include <string_view>

#include "base/text.h"
#include "policy/policy.h"

namespace aegis::advice {

std::string CedarString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  quoted += '"';
  return base::ForDisplay(quoted);
}

std::string PermitText(policy::Action action, std::string_view resource, bool subtree) {
  const std::string head =
      "permit(principal, action == Aegis::Action::" + CedarString(policy::ActionName(action)) +
      ", resource";
  if (resource.starts_with('/') && resource.find('*') != std::string_view::npos) {
    return head + ") when { resource.path == " + CedarString(resource) + " };";
  }
  return head + (subtree ? " in" : " ==") + " Aegis::Resource::" + CedarString(resource) + ");";
}

}  // namespace aegis::advice
