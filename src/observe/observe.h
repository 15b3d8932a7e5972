#pragma once

// The public header of aegis::observe: what happens to a directory, seen from outside.

#include "observe/diff.h"       // IWYU pragma: export
#include "observe/exclusion.h"  // IWYU pragma: export
#include "observe/gap.h"        // IWYU pragma: export
#include "observe/snapshot.h"   // IWYU pragma: export
