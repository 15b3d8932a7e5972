#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "advice/question.h"
#include "base/result.h"
#include "cli/context.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {

// A decision that the ledger holds, with what was known when it was made.
struct RecordedDecision {
  std::string session_id{};
  std::uint64_t seq = 0;
  std::int64_t ts_unix_ms = 0;
  std::string decision{};
  std::string reason{};
  advice::Question question{};  // arguments may be masked
  std::string dir{};            // what @dir stood for then, in escaped form; may be empty
  std::string policy_digest{};  // may be empty
};

// What an entry says. kInvalid for one that is no decision, or whose content was erased.
base::Result<RecordedDecision> DecisionOf(const ledger::EntryView& entry);

// The decision that `id` names (SESSION:SEQ; the beginning of a session's id will do), or without
// it the newest denial. kNotFound if there is none; kInvalid for an entry that is no decision, or
// whose content was erased.
base::Result<RecordedDecision> FindRecorded(Context& context,
                                            const config::Configuration& configuration,
                                            const std::optional<std::string>& id);

}  // namespace aegis::cli
