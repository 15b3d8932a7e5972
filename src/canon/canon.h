#pragma once

// The public header of aegis::canon: digests, their text forms, canonical JSON (RFC 8785), and
// signatures over text (signed notes, Ed25519).

#include "canon/cursor.h"    // IWYU pragma: export
#include "canon/ed25519.h"   // IWYU pragma: export
#include "canon/encoding.h"  // IWYU pragma: export
#include "canon/jcs.h"       // IWYU pragma: export
#include "canon/json.h"      // IWYU pragma: export
#include "canon/note.h"      // IWYU pragma: export
#include "canon/sha256.h"    // IWYU pragma: export
