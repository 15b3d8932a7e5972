#pragma once

#include "gate/call.h"

namespace aegis::gate {

// Calls that ask to be told what changes: names in a directory, or uses of a file. Both ask
// DirList, and the supervisor adds the watch to the caller's queue, on the object that was judged.
Reply HandleInotifyAddWatch(Services& services, Call& call);
Reply HandleFanotifyMark(Services& services, Call& call);  // only sent in wrap mode

}  // namespace aegis::gate
