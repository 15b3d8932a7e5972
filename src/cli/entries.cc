#include "cli/entries.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/output.h"
#include "cli/session_level.h"
#include "cli/text.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "ledger/watch_events.h"

namespace aegis::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kOutcomeColumn = 6;
constexpr std::size_t kActionColumn = 13;

// A string member, or "" where there is none: entries may hold anything.
std::string Member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string NumberMember(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer()
             ? std::to_string(found->get<std::int64_t>())
             : std::string();
}

json Parsed(std::string_view payload) {
  json value = json::parse(payload, nullptr, false);
  return value.is_object() ? value : json::object();
}

json Around(const json& payload) {
  const auto found = payload.find("context");
  return found != payload.end() && found->is_object() ? *found : json::object();
}

std::string Ending(const json& source) {
  if (const std::string code = NumberMember(source, "exit_code"); !code.empty()) {
    return "exit " + code;
  }
  if (const std::string signal = NumberMember(source, "signal"); !signal.empty()) {
    return "signal " + signal;
  }
  return "";
}

// What became of an action: a program has begun, a process has ended.
std::string Outcome(const json& payload) {
  const json around = Around(payload);
  if (Member(payload, "action") != "ProcessSpawn") {
    return Ending(around);
  }
  const std::string program = Member(around, "target");
  return "began as " + NumberMember(around, "pid") + (program.empty() ? "" : ", for " + program);
}

struct Cells {
  std::string outcome;
  std::string action;
  std::string rest;
};

Cells Decided(const Output& out, const json& payload) {
  const json around = Around(payload);
  const bool allowed = Member(payload, "decision") == "allow";
  const auto enforced = around.find("enforced");
  const bool would_be = enforced != around.end() && *enforced == false;
  Cells cells{.outcome = Padded(allowed    ? "allow"
                                : would_be ? "(deny)"
                                           : "deny",
                                kOutcomeColumn),
              .action = Member(payload, "action"),
              .rest = Member(payload, "resource")};
  cells.outcome = allowed ? out.Good(cells.outcome) : out.Bad(cells.outcome);
  if (!allowed) {
    cells.rest += "  " + Member(payload, "reason");
  }
  return cells;
}

// What only watches record: the name it is about, and what is said of it.
std::optional<Cells> Watched(std::string_view event_type, const json& payload) {
  Cells cells{.outcome = std::string(kOutcomeColumn, ' '),
              .action = {},
              .rest = Member(payload, "resource")};
  if (event_type == ledger::kNameChanged) {
    cells.action = Member(payload, "change");
    if (const std::string target = Member(Around(payload), "target"); !target.empty()) {
      cells.rest += " -> " + target;
    }
  } else if (event_type == ledger::kWatchGap) {
    cells.action = "gap";
    cells.rest += "  " + Member(payload, "detail");
  } else if (event_type == ledger::kSnapshotTaken) {
    cells.action = "snapshot";
    cells.rest = Member(payload, "dir") + " " + Member(payload, "phase") + ": " +
                 NumberMember(payload, "names") + " names";
  } else if (event_type == ledger::kWatchStarted) {
    cells.action = "watch";
    cells.rest = Member(payload, "dir") + " by " + Member(payload, "source");
  } else {
    return std::nullopt;
  }
  return cells;
}

// Nothing where all is recorded, as ever.
std::string LevelNote(const ledger::EntryView& start) {
  const SessionLevel level = LevelIn(start);
  return level == SessionLevel{.name = "full"} ? "" : "  level " + LevelText(level);
}

Cells CellsOf(const Output& out, const ledger::EntryView& entry) {
  if (entry.erased) {
    return {.outcome = std::string(kOutcomeColumn, ' '),
            .action = "erased",
            .rest = std::string(entry.session_id) + " seq " + std::to_string(entry.seq)};
  }
  const json payload = Parsed(entry.payload);
  const std::string blank(kOutcomeColumn, ' ');
  if (ledger::HasDecision(entry.event_type)) {
    return Decided(out, payload);
  }
  if (entry.event_type == ledger::kActionFinished) {
    return {.outcome = blank,
            .action = Member(payload, "action"),
            .rest = Member(payload, "resource") + "  " + Outcome(payload)};
  }
  if (entry.event_type == ledger::kProcessStarted) {
    return {.outcome = blank,
            .action = "process",
            .rest = Member(payload, "image") + "  " + NumberMember(payload, "pid") + ", made by " +
                    NumberMember(payload, "parent")};
  }
  if (entry.event_type == ledger::kSessionStarted) {
    return {.outcome = blank,
            .action = "session",
            .rest = std::string(entry.session_id) + " " + Member(payload, "mode") + " " +
                    Member(payload, payload.contains("command") ? "command" : "dir") +
                    LevelNote(entry)};
  }
  if (entry.event_type == ledger::kSessionEnded) {
    return {.outcome = blank,
            .action = "ended",
            .rest = std::string(entry.session_id) + " " +
                    (Ending(payload).empty() ? Member(payload, "detail") : Ending(payload))};
  }
  if (entry.event_type == ledger::kSessionTagged) {
    return {.outcome = blank,
            .action = "tag",
            .rest = Member(payload, "session_id") + " " + Member(payload, "tag")};
  }
  if (entry.event_type == ledger::kPolicyChanged) {
    return {.outcome = blank,
            .action = "policies",
            .rest = "changed from " + Member(payload, "from").substr(0, kDigestDigits) + " to " +
                    Member(payload, "to").substr(0, kDigestDigits)};
  }
  if (entry.event_type == ledger::kPolicyKept) {
    return {.outcome = blank,
            .action = "policies",
            .rest = "kept " + Member(payload, "digest").substr(0, kDigestDigits) + ": " +
                    Member(payload, "detail")};
  }
  return Watched(entry.event_type, payload)
      .value_or(Cells{.outcome = blank, .action = std::string(entry.event_type), .rest = ""});
}

void SayRecovered(Context& context, const ledger::JournalFinding& journal) {
  using Kind = ledger::JournalFinding::Kind;
  if (journal.kind == Kind::kUndrained) {
    context.Say("journal " + base::EscapeName(journal.path) +
                ": its entries are not in the ledger yet: " + journal.detail);
  } else if (journal.kind == Kind::kLostTail) {
    context.Say("session " + journal.session_id +
                ": the machine went down before its last entries reached the disk");
  } else if (journal.kind == Kind::kDrained && context.verbose) {
    context.Say("session " + journal.session_id + " died; its journal was added (" +
                Count(journal.entries, "entry") + ")");
  }
}

}  // namespace

base::Result<ledger::Ledger> OpenLedger(Context& context,
                                        const config::Configuration& configuration,
                                        ledger::Ledger::Mode mode) {
  AEGIS_ASSIGN(auto ledger, ledger::Ledger::Open(configuration.state_dir, mode));
  for (const ledger::JournalFinding& journal : ledger.recovered()) {
    SayRecovered(context, journal);
  }
  return ledger;
}

base::Result<ledger::LogKeys> KeysOf(ledger::Ledger& ledger) {
  const auto read = [&ledger]() -> base::Result<ledger::LogKeys> {
    AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
    return ledger::LogKeys::Read(*snapshot);
  };
  AEGIS_ASSIGN(ledger::LogKeys keys, read());
  if (!keys.log().empty()) {
    return keys;
  }
  AEGIS_TRY(ledger.Signer());
  return read();
}

std::string EntryLine(const Output& out, const ledger::EntryView& entry) {
  const Cells cells = CellsOf(out, entry);
  const std::string time = FormatTime(entry.ts_unix_ms);
  return out.Faint(entry.erased ? std::string(time.size(), ' ') : time) + "  " + cells.outcome +
         "  " + Padded(base::ForDisplay(cells.action), kActionColumn) + " " +
         base::ForDisplay(cells.rest);
}

std::string EntryJson(const ledger::EntryView& entry) {
  std::string envelope;
  ledger::AppendEnvelope(envelope, entry);
  return HarmlessJson(envelope);
}

base::Result<> PrintEntries(Context& context, ledger::Ledger& ledger,
                            const ledger::QueryFilter& filter, bool json) {
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    context.out.Line(json ? EntryJson(entry) : EntryLine(context.out, entry));
    return true;
  }));
  return {};
}

}  // namespace aegis::cli
