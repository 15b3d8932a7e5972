#pragma once

#include <string_view>

#include "policy/policy.h"

// What is said of the Inspection of a connection, in the ledger and to people.
namespace aegis::policy {

// As the ledger and --json write it: "name", "none".
std::string_view InspectionName(Inspection inspection);

// Whether a NetConnect has a name that can be compared with what passes: TCP to a host by name, and
// not to an address, to a socket of this machine, or a question to the name system.
bool ConnectsByName(const Context& context);

}  // namespace aegis::policy
