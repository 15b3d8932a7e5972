#pragma once

#include "gate/call.h"

namespace aegis::gate {

// Calls that make, move or remove names. Each acts on the parent descriptor and leaf that were
// judged. Which actions each asks for: docs/policy.md.
Reply HandleUnlink(Services& services, Call& call);
Reply HandleUnlinkAt(Services& services, Call& call);
Reply HandleRmdir(Services& services, Call& call);
Reply HandleMkdir(Services& services, Call& call);
Reply HandleMkdirAt(Services& services, Call& call);
Reply HandleRename(Services& services, Call& call);
Reply HandleRenameAt(Services& services, Call& call);
Reply HandleRenameAt2(Services& services, Call& call);
Reply HandleLink(Services& services, Call& call);
Reply HandleLinkAt(Services& services, Call& call);
Reply HandleSymlink(Services& services, Call& call);
Reply HandleSymlinkAt(Services& services, Call& call);
Reply HandleMknod(Services& services, Call& call);
Reply HandleMknodAt(Services& services, Call& call);

}  // namespace aegis::gate
