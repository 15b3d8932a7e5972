#pragma once

#include "base/result.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// What is masked in the ledger of a configuration. kInvalid, with the file, the pattern and why, if
// one of its patterns is none.
base::Result<ledger::Masker> ConfiguredMasker(const config::Configuration& configuration);

}  // namespace aegis::cli
