#pragma once

// The public header of aegis::canon: digests, their text forms, and canonical JSON (RFC 8785).

#include "canon/cursor.h"    // IWYU pragma: export
#include "canon/encoding.h"  // IWYU pragma: export
#include "canon/jcs.h"       // IWYU pragma: export
#include "canon/json.h"      // IWYU pragma: export
#include "canon/sha256.h"    // IWYU pragma: export
