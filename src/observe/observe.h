#pragma once

// The public header of aegis::observe: what happens to a directory, seen from outside.
//
//   Watch: EventSource --events--> Recorder --decide(), Append--> ledger
//          Snapshot before, Snapshot after --Diff--> Recorder

#include "observe/background.h"  // IWYU pragma: export
#include "observe/diff.h"        // IWYU pragma: export
#include "observe/gap.h"         // IWYU pragma: export
#include "observe/recorder.h"    // IWYU pragma: export
#include "observe/watch.h"       // IWYU pragma: export
#include "observe/watch_lock.h"  // IWYU pragma: export
