#include "policy/inspection.h"

#include <string_view>

#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::policy {

std::string_view InspectionName(Inspection inspection) {
  return inspection == Inspection::kNone ? "none" : "name";
}

bool ConnectsByName(const Context& context) {
  if (context.protocol != "tcp" || context.port == 0) {
    return false;
  }
  const auto host = ParseHost(context.host);
  return host.has_value() && !host->address;
}

}  // namespace aegis::policy
