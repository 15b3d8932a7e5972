#pragma once

#include "gate/call.h"

namespace aegis::gate {

// Calls that change what a file is: mode, owner, times, extended attributes, length. All ask
// FileWrite on the object and act on the descriptor that was judged; Landlock does not cover them.
Reply HandleChmod(Services& services, Call& call);
Reply HandleFchmod(Services& services, Call& call);
Reply HandleFchmodAt(Services& services, Call& call);   // no flags
Reply HandleFchmodAt2(Services& services, Call& call);  // with flags
Reply HandleChown(Services& services, Call& call);
Reply HandleLchown(Services& services, Call& call);
Reply HandleFchown(Services& services, Call& call);
Reply HandleFchownAt(Services& services, Call& call);
Reply HandleUtime(Services& services, Call& call);
Reply HandleUtimes(Services& services, Call& call);
Reply HandleFutimesAt(Services& services, Call& call);
Reply HandleUtimensAt(Services& services, Call& call);
Reply HandleTruncate(Services& services, Call& call);
Reply HandleSetxattr(Services& services, Call& call);
Reply HandleLsetxattr(Services& services, Call& call);
Reply HandleFsetxattr(Services& services, Call& call);
Reply HandleRemovexattr(Services& services, Call& call);
Reply HandleLremovexattr(Services& services, Call& call);
Reply HandleFremovexattr(Services& services, Call& call);
// An ioctl(2) that changes an inode (its flags, its project). Only wrap mode gets here: run mode
// refuses it in the filter. Judged as the others and continued on the caller's own descriptor.
Reply HandleInodeIoctl(Services& services, Call& call);

}  // namespace aegis::gate
