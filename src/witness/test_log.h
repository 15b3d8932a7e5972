#pragma once

// Helpers of the module's tests.

#include "ledger/test_ledger.h"
#include "witness/sample_log.h"  // IWYU pragma: export

namespace aegis::witness {

using ledger::Get;
using ledger::Slurp;
using ledger::Spill;
using ledger::TempDirectory;

}  // namespace aegis::witness
