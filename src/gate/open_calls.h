#pragma once

#include "gate/call.h"

namespace aegis::gate {

// open(2), openat(2), openat2(2), creat(2): judged on the canonical name, opened here, injected.
// Never continued. openat2 with RESOLVE_ flags or O_PATH is ENOSYS, as on Linux before 5.6.
Reply HandleOpen(Services& services, Call& call);
Reply HandleOpenAt(Services& services, Call& call);
Reply HandleOpenAt2(Services& services, Call& call);
Reply HandleCreat(Services& services, Call& call);

}  // namespace aegis::gate
