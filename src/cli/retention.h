#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// The moment, in milliseconds since 1970, before which `days` days are over.
std::int64_t DaysAgo(std::int64_t days);

// Erases what `scope` says and gives the number of entries. `reason` stands in the record.
base::Result<std::uint64_t> PurgeLedger(ledger::Ledger& ledger, const ledger::PurgeScope& scope,
                                        const std::string& reason, std::uint64_t most);

// Erases what is older than the configuration's `max_age_days`, if it has them: after each run, and
// not so much that anybody would wait. What goes wrong is said and changes nothing else.
void ApplyRetention(Context& context, const config::Configuration& configuration);

}  // namespace aegis::cli
