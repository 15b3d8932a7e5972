#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "cli/context.h"
#include "config/config.h"
#include "ledger/ledger.h"

// Verifying the ledger of a configuration, and what came of it.
namespace aegis::cli {

// The keys that the ledger says are its own; verification tells what is wrong with them.
base::Result<std::vector<canon::VerifierKey>> LogKeysOf(ledger::Ledger& ledger);

// Verifies all of it, also against what the configuration's witness files have seen: what those say
// is said on stderr, and so is how far the work is, on a terminal.
base::Result<ledger::VerifyReport> VerifyLedger(Context& context, const Places& places,
                                                const config::Configuration& configuration,
                                                ledger::Ledger& ledger,
                                                ledger::VerifyOptions options);

// Entries that could not be read for the ledger were not verified either.
bool Verified(const ledger::VerifyReport& report);
bool IsUndrained(const ledger::JournalFinding& journal);

nlohmann::ordered_json VerificationJson(const ledger::VerifyReport& report);
// One finding in one line; may hold anything.
std::string Describe(const ledger::Finding& finding);
// How far the ledger's word can be held against somebody else's; harmless.
std::string Vouched(const ledger::VerifyReport& report);

}  // namespace aegis::cli
