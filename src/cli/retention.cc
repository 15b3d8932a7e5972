#include "cli/retention.h"

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/user.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

// Some tens of milliseconds.
constexpr std::uint64_t kMostAfterARun = 8192;

base::Result<std::uint64_t> Apply(Context& context, const config::Configuration& configuration) {
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  return PurgeLedger(ledger, {.before_ms = DaysAgo(*configuration.max_age_days), .session_id = {}},
                     "retention", kMostAfterARun);
}

}  // namespace

std::int64_t DaysAgo(std::int64_t days) {
  constexpr std::int64_t kMillisecondsOfADay = 24LL * 60 * 60 * 1000;
  const std::int64_t now = ledger::SystemClock();
  return days > now / kMillisecondsOfADay ? 0 : now - days * kMillisecondsOfADay;
}

base::Result<std::uint64_t> PurgeLedger(ledger::Ledger& ledger, const ledger::PurgeScope& scope,
                                        const std::string& reason, std::uint64_t most) {
  AEGIS_ASSIGN(ledger::LedgerSigner* const signer, ledger.Signer());
  AEGIS_ASSIGN(std::string session_id, ledger::NewSessionId(ledger::SystemClock()));
  ledger::PurgeOptions options;
  options.identity = {"local", base::UserName(), std::move(session_id)};
  options.reason = reason;
  options.most = most;
  AEGIS_ASSIGN(const std::uint64_t erased, ledger::Purge(ledger.store(), scope, options, signer));
  AEGIS_TRY(ledger.store().SummarizeBlocks());
  if (erased > 0) {
    ledger::RemoveDoneJournals(ledger.directory() + "/journal");
    AEGIS_TRY(ledger.CheckpointAll());
  }
  return erased;
}

void ApplyRetention(Context& context, const config::Configuration& configuration) {
  if (!configuration.max_age_days) {
    return;
  }
  const auto erased = Apply(context, configuration);
  if (!erased) {
    context.Say("retention: " + erased.error().message());
  } else if (*erased > 0) {
    context.Note("retention: the content of " + std::to_string(*erased) +
                 (*erased == 1 ? " entry" : " entries") + " was erased");
  }
}

}  // namespace aegis::cli
