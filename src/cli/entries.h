#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// Of a digest that people see: enough to tell sets of policies apart.
inline constexpr std::size_t kDigestDigits = 12;

// The ledger of a configuration, for reading unless told otherwise. Says on stderr what had to be
// recovered.
base::Result<ledger::Ledger> OpenLedger(Context& context,
                                        const config::Configuration& configuration,
                                        ledger::Ledger::Mode mode = ledger::Ledger::Mode::kRead);

// The public keys that the ledger knows; the first use makes its own.
base::Result<ledger::LogKeys> KeysOf(ledger::Ledger& ledger);

// One entry as a person reads it: time, outcome, action, resource, reason. One line, harmless.
std::string EntryLine(const Output& out, const ledger::EntryView& entry);

// One entry as one line of JSON: its envelope, harmless for a terminal.
std::string EntryJson(const ledger::EntryView& entry);

// Prints the entries that match, in ledger order.
base::Result<> PrintEntries(Context& context, ledger::Ledger& ledger,
                            const ledger::QueryFilter& filter, bool json);

}  // namespace aegis::cli
