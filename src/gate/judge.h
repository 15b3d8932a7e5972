#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "decision/decision.h"
#include "gate/process_table.h"
#include "gate/run.h"
#include "ledger/journal.h"
#include "ledger/masker.h"
#include "ledger/payload.h"
#include "policy/policy.h"

namespace aegis::gate {

// What stands around one question beside the process; escaped names.
struct Detail {
  std::span<const std::string> argv;
  std::string_view host;
  std::int64_t port = -1;
  std::string_view protocol;
  std::string_view address{};  // that a name stood for
  std::string_view target;     // the other name of a rename or link
};

// The one place of the gate that asks decide() and appends to the ledger, in this order and before
// the effect. One thread at a time: the receive loop, or who holds it still.
class Judge {
 public:
  // `network`: of the entries of permitted connections.
  Judge(decision::Decider decider, ledger::JournalWriter& journal, ledger::Masker masker, Mode mode,
        ledger::Durability network = ledger::Durability::kDurable);

  // Decides and records: 0 if the effect may happen now, otherwise the errno for the agent.
  // `name`: canonical bytes.
  int Ask(const Process& process, policy::Action action, std::string_view name,
          const Detail& detail = {});

  // Records a refusal that no policy can lift (Aegis' own state, a socket family…), or, in wrap
  // mode, what would have been one. As Ask.
  int Refuse(const Process& process, policy::Action action, std::string_view name,
             decision::Reason reason, const Detail& detail = {});

  // Ask in two halves, for a caller that must open before it knows the final name. The decision
  // stands for exactly this escaped name.
  decision::Decision Decide(const Process& process, policy::Action action, std::string_view escaped,
                            const Detail& detail = {});
  bool Refuses(const decision::Decision& decision) const;
  int Settle(const Process& process, policy::Action action, std::string_view escaped,
             const decision::Decision& decision, const Detail& detail = {});

  // Why moving or replacing this directory is refused: it would take a rule, or Aegis' state, away
  // from its name. Aegis' state stays in wrap mode too.
  std::optional<decision::Reason> Pins(std::string_view name) const;

  // Appends an entry that is no decision.
  base::Result<> Note(std::string_view event_type, std::string_view payload);

  // From here on `decider` decides, and its predecessor is in its place. The entry that says so is
  // appended first: an error means that nothing has changed.
  base::Result<> Adopt(decision::Decider& decider, std::string_view event_type,
                       std::string_view payload);

  const decision::Decider& decider() const { return decider_; }
  const ledger::Masker& masker() const { return masker_; }
  Mode mode() const { return mode_; }

 private:
  int Record(const Process& process, policy::Action action, std::string_view escaped,
             const decision::Decision& decision, const Detail& detail);
  void AwaitSequencer() const;

  decision::Decider decider_;
  Mode mode_;
  ledger::Durability network_;
  std::string escaped_;  // scratch
  ledger::JournalWriter& journal_;
  ledger::Masker masker_;  // of what agents wrote freely
  std::string payload_;    // scratch
};

}  // namespace aegis::gate
