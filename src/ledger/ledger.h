#pragma once

// The public header of aegis::ledger. docs/ledger-format.md describes the formats.
//
//   enforcement point --Append--> JournalWriter ==mmap'd file==> Sequencer --groups--> Store
//   commands          --Query, Export, Sessions, Verify--> Ledger (store + journals not yet
//   drained)

#include "ledger/archive.h"          // IWYU pragma: export
#include "ledger/block_summary.h"    // IWYU pragma: export
#include "ledger/checkpoint.h"       // IWYU pragma: export
#include "ledger/cosignatures.h"     // IWYU pragma: export
#include "ledger/entry.h"            // IWYU pragma: export
#include "ledger/export_format.h"    // IWYU pragma: export
#include "ledger/finding.h"          // IWYU pragma: export
#include "ledger/glob.h"             // IWYU pragma: export
#include "ledger/growth.h"           // IWYU pragma: export
#include "ledger/import.h"           // IWYU pragma: export
#include "ledger/journal.h"          // IWYU pragma: export
#include "ledger/log_keys.h"         // IWYU pragma: export
#include "ledger/masker.h"           // IWYU pragma: export
#include "ledger/merkle.h"           // IWYU pragma: export
#include "ledger/payload.h"          // IWYU pragma: export
#include "ledger/policy_set.h"       // IWYU pragma: export
#include "ledger/proof_text.h"       // IWYU pragma: export
#include "ledger/purge.h"            // IWYU pragma: export
#include "ledger/purge_record.h"     // IWYU pragma: export
#include "ledger/query.h"            // IWYU pragma: export
#include "ledger/recovery.h"         // IWYU pragma: export
#include "ledger/sequencer.h"        // IWYU pragma: export
#include "ledger/session.h"          // IWYU pragma: export
#include "ledger/signer.h"           // IWYU pragma: export
#include "ledger/store.h"            // IWYU pragma: export
#include "ledger/tag.h"              // IWYU pragma: export
#include "ledger/tile.h"             // IWYU pragma: export
#include "ledger/transparency.h"     // IWYU pragma: export
#include "ledger/verify.h"           // IWYU pragma: export
#include "ledger/witness_message.h"  // IWYU pragma: export
