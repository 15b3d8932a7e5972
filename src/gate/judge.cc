#include "gate/judge.h"

#include <time.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "decision/decision.h"
#include "gate/process_table.h"
#include "gate/run.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/masker.h"
#include "ledger/payload.h"
#include "policy/inspection.h"
#include "policy/policy.h"

namespace aegis::gate {

using decision::Decision;
using decision::Reason;
using policy::Action;

namespace {

policy::Context ContextOf(const Process& process, const Detail& detail) {
  return {.pid = process.tgid,
          .exe = process.exe,
          .argv = detail.argv,
          .host = detail.host,
          .port = detail.port,
          .protocol = detail.protocol};
}

}  // namespace

Judge::Judge(decision::Decider decider, ledger::JournalWriter& journal, ledger::Masker masker,
             Mode mode, ledger::Durability network)
    : decider_(std::move(decider)),
      mode_(mode),
      network_(network),
      journal_(journal),
      masker_(std::move(masker)) {}

int Judge::Ask(const Process& process, Action action, std::string_view name, const Detail& detail) {
  if (name.empty()) {
    return EBADF;  // nothing was named: a descriptor that is none
  }
  escaped_.clear();
  base::AppendEscapedName(escaped_, name);
  return Settle(process, action, escaped_, Decide(process, action, escaped_, detail), detail);
}

int Judge::Refuse(const Process& process, Action action, std::string_view name, Reason reason,
                  const Detail& detail) {
  escaped_.clear();
  base::AppendEscapedName(escaped_, name);
  return Settle(process, action, escaped_, decision::Deny(reason), detail);
}

Decision Judge::Decide(const Process& process, Action action, std::string_view escaped,
                       const Detail& detail) {
  policy::Request request;
  request.action = action;
  request.resource = escaped;
  request.context = ContextOf(process, detail);
  return decider_.Decide(request);
}

bool Judge::Refuses(const Decision& decision) const {
  // Wrap observes; but Aegis' own state stays closed in every mode.
  return !decision.allowed() && (mode_ == Mode::kRun || decision.reason == Reason::kAegisState);
}

int Judge::Settle(const Process& process, Action action, std::string_view escaped,
                  const Decision& decision, const Detail& detail) {
  if (Record(process, action, escaped, decision, detail) != 0) {
    return EACCES;  // what can't be recorded does not happen
  }
  return Refuses(decision) ? EACCES : 0;
}

int Judge::Record(const Process& process, Action action, std::string_view escaped,
                  const Decision& decision, const Detail& detail) {
  ledger::ActionRecord record;
  record.action = policy::ActionName(action);
  record.resource = escaped;
  record.decision = decision.allowed() ? "allow" : "deny";
  record.reason = decision::ReasonCode(decision.reason);
  record.policies = *decision.policies;
  record.context.pid = process.tgid;
  record.context.exe = process.exe;
  record.context.argv = detail.argv;
  record.context.host = detail.host;
  record.context.port = detail.port;
  record.context.protocol = detail.protocol;
  record.context.address = detail.address;
  record.context.target = detail.target;
  if (action == Action::kNetConnect && mode_ == Mode::kRun && decision.allowed() &&
      policy::ConnectsByName(ContextOf(process, detail))) {
    record.context.inspection = policy::InspectionName(decision.inspection);
  }
  record.context.enforced = decision.allowed() || Refuses(decision);
  // What reaches others can't be undone by the power cut that takes its record.
  const bool reaches_others = action == Action::kNetConnect && !Refuses(decision);
  payload_.clear();
  ledger::AppendActionPayload(payload_, record, masker_);
  AwaitSequencer();
  const auto appended = journal_.Append(ledger::kActionDecided, payload_,
                                        reaches_others ? network_ : ledger::Durability::kOrdered);
  return appended ? 0 : EACCES;
}

// The journal is the queue to the sequencer, and bounded: an agent that outruns it is slowed down,
// so that neither the disk fills nor the end of the run waits for minutes of entries.
void Judge::AwaitSequencer() const {
  constexpr std::uint64_t kMaxBacklog = std::uint64_t{64} << 20U;
  constexpr timespec kPause{0, 1'000'000};
  while (journal_.backlog() > kMaxBacklog) {
    ::nanosleep(&kPause, nullptr);
  }
}

base::Result<> Judge::Note(std::string_view event_type, std::string_view payload) {
  return journal_.Append(event_type, payload, ledger::Durability::kOrdered);
}

base::Result<> Judge::Adopt(decision::Decider& decider, std::string_view event_type,
                            std::string_view payload) {
  AEGIS_TRY(Note(event_type, payload));
  std::swap(decider_, decider);
  return {};
}

std::optional<Reason> Judge::Pins(std::string_view name) const {
  return decider_.Pins(base::EscapeName(name));
}

}  // namespace aegis::gate
