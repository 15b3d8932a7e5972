#pragma once

#include "base/result.h"

namespace aegis::proxy {

// From here on this process has what the proxy needs and nothing more: no capability, no right over
// files but to read /etc/hosts, no process, no other socket than TCP and UDP, bounded memory and
// descriptors, no dump. For good. The first step that fails ends it with an error.
base::Result<> ConfineSelf();

}  // namespace aegis::proxy
