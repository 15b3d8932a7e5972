#pragma once

// The public header of aegis::witness. docs/witness.md describes the formats.
//
//   launcher --Offer--> Publisher --threads--> Sink: a witness over HTTP, a file, the system's log
//   aegis audit witness: HttpServer --requests--> Cosigner --checkpoints--> StateDirectory

#include "witness/cosigner.h"         // IWYU pragma: export
#include "witness/http_message.h"     // IWYU pragma: export
#include "witness/http_server.h"      // IWYU pragma: export
#include "witness/keys.h"             // IWYU pragma: export
#include "witness/listen_address.h"   // IWYU pragma: export
#include "witness/note_file.h"        // IWYU pragma: export
#include "witness/publisher.h"        // IWYU pragma: export
#include "witness/settings.h"         // IWYU pragma: export
#include "witness/sink.h"             // IWYU pragma: export
#include "witness/state_directory.h"  // IWYU pragma: export
#include "witness/submission.h"       // IWYU pragma: export
#include "witness/syslog_sink.h"      // IWYU pragma: export
#include "witness/target.h"           // IWYU pragma: export
