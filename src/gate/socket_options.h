#pragma once

#include "base/unique_fd.h"

namespace aegis::gate {

// Gives `to`, a TCP socket that has just been made, the options that were set on `from` (socket(7),
// tcp(7), ip(7)): those that differ from a `fresh` socket of the same namespace, since namespaces
// have defaults of their own. Only options that say how a connection is kept, never where it leads
// or what it may bind.
void CopySocketOptions(const base::UniqueFd& from, const base::UniqueFd& fresh,
                       const base::UniqueFd& to);

}  // namespace aegis::gate
