#include "cli/report_data.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "cli/activity.h"
#include "cli/secrets.h"
#include "cli/session_detail.h"
#include "cli/session_level.h"
#include "cli/verification.h"
#include "ledger/ledger.h"
#include "ledger/watch_events.h"

namespace aegis::cli {
namespace {

using ledger::SessionInfo;
using ledger::SessionState;

constexpr std::string_view kPermitAll = "permit-all";  // the only policy of that template

// Denials that are no answer of the policies: something could not be judged or recorded.
constexpr auto kFailures = std::to_array<std::string_view>(
    {"POLICY_ERROR", "UNSUPPORTED", "LEDGER_UNAVAILABLE", "INTERNAL_ERROR"});

class Gathering {
 public:
  Gathering(ReportData& data, SecretPlaces& secrets) : data_(data), secrets_(secrets) {}

  void Take(const ledger::EntryView& entry) {
    ++data_.entries;
    if (const auto decided = DecidedIn(entry)) {
      TakeDecision(entry, *decided);
    } else if (!entry.erased && entry.event_type == ledger::kSessionStarted) {
      TakeStart(entry);
    } else if (!entry.erased) {
      data_.activity.AddBegun(BegunIn(entry));
      TakeEdit(entry);
      data_.policies_kept += entry.event_type == ledger::kPolicyKept ? 1U : 0U;
      data_.watch_gaps += entry.event_type == ledger::kWatchGap ? 1U : 0U;
    }
  }

 private:
  void TakeDecision(const ledger::EntryView& entry, const Decided& decided) {
    data_.activity.Add(decided);
    if (secrets_.Contains(decided.resource)) {
      data_.secrets.Add(SecretAccess{.action = decided.action, .resource = decided.resource},
                        decided.fate);
    }
    if (decided.fate != Fate::kPermitted) {
      data_.reasons.Add(decided.reason, decided.fate);
    } else if (std::ranges::find(decided.policies, kPermitAll) != decided.policies.end() &&
               !data_.permit_all.contains(entry.session_id)) {
      data_.permit_all.emplace(entry.session_id);
    }
  }

  void TakeEdit(const ledger::EntryView& entry) {
    const auto digest = entry.event_type == ledger::kPolicyChanged
                            ? canon::StringMember(entry.payload, "to")
                            : std::nullopt;
    if (!digest) {
      return;
    }
    ++data_.policy_changes;
    PolicyUse& use = data_.policies[*digest];
    ++use.sessions;
    if (use.files.empty()) {
      use.files = TextsMember(entry.payload, "files");
    }
  }

  void TakeStart(const ledger::EntryView& entry) {
    const auto digest = canon::StringMember(entry.payload, "policy_digest");
    const auto use = digest ? data_.policies.find(*digest) : data_.policies.end();
    if (use != data_.policies.end() && use->second.files.empty()) {
      use->second.files = TextsMember(entry.payload, "policies");
    }
  }

  ReportData& data_;
  SecretPlaces& secrets_;
};

// Whether some of a session lies in the scope.
bool IsIn(const ReportScope& scope, const SessionInfo& info) {
  const bool over = info.state != SessionState::kRunning && info.session.ended_ms;
  return (!scope.to_ms || info.session.started_ms < *scope.to_ms) &&
         (!scope.from_ms || !over || *info.session.ended_ms >= *scope.from_ms);
}

base::Result<> ChooseSessions(ledger::Ledger& ledger, ReportData& data) {
  if (data.scope.session_id) {
    AEGIS_ASSIGN(SessionInfo info, ledger.FindSession(*data.scope.session_id));
    data.sessions.push_back(std::move(info));
    return {};
  }
  return ledger.Sessions(data.scope.last, [&data](const SessionInfo& info) -> base::Result<bool> {
    if (IsIn(data.scope, info)) {
      data.sessions.push_back(info);
    }
    return true;
  });
}

base::Result<> Read(ledger::Ledger& ledger, const ledger::QueryFilter& filter,
                    Gathering& gathering) {
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    gathering.Take(entry);
    return true;
  }));
  return {};
}

std::uint64_t CountSessions(const ReportData& data, bool (*wanted)(const SessionInfo&)) {
  return static_cast<std::uint64_t>(std::ranges::count_if(data.sessions, wanted));
}

std::uint64_t CountLevels(const ReportData& data, std::string_view name) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      data.sessions, [&](const SessionInfo& i) { return LevelOf(data.levels, i).name == name; }));
}

void Add(std::vector<Gap>& gaps, std::string_view kind, std::uint64_t count, std::string text) {
  if (count > 0) {
    gaps.push_back({.kind = kind, .count = count, .text = std::move(text)});
  }
}

void AddSessionGaps(const ReportData& data, std::vector<Gap>& gaps) {
  Add(gaps, "wrap",
      CountSessions(data, [](const SessionInfo& i) { return i.session.mode == "wrap"; }),
      "sessions under `aegis wrap`: recorded, and nothing was refused");
  Add(gaps, "watch",
      CountSessions(data, [](const SessionInfo& i) { return i.session.mode == "watch"; }),
      "sessions of `aegis watch`: seen after it happened, and nothing was refused");
  Add(gaps, "permit-all", data.permit_all.size(),
      "sessions under the template permit-all: everything was permitted");
  Add(gaps, "writes", CountWithoutReads(data),
      "sessions at the recording level `writes`: their plain reads, permitted or refused, are not "
      "in the report");
  Add(gaps, "level unknown", CountLevels(data, "unknown"),
      "sessions of which it is not known whether all was recorded: their beginning was erased, or "
      "can't be read");
  Add(gaps, "died",
      CountSessions(data, [](const SessionInfo& i) { return i.state == SessionState::kUnknown; }),
      "sessions without an end: their processes died without a word");
  Add(gaps, "running",
      CountSessions(data, [](const SessionInfo& i) { return i.state == SessionState::kRunning; }),
      "sessions that are still running: the report has what they did so far");
  Add(gaps, "let through", data.activity.actions.Sum().let_through,
      "actions that the policies denied and that were done all the same");
  Add(gaps, "policy changed", data.policy_changes, "changes of policies while a session ran");
  Add(gaps, "policy kept", data.policies_kept,
      "edits of policies that were not taken: broken, or not to be recorded");
}

void AddRecordGaps(const ReportData& data, std::vector<Gap>& gaps) {
  std::uint64_t failures = 0;
  for (const std::string_view reason : kFailures) {
    const auto found = data.reasons.rows().find(reason);
    failures += found == data.reasons.rows().end() ? 0 : found->second.total();
  }
  Add(gaps, "not judged", failures,
      "actions that could not be judged or recorded, and were denied");
  Add(gaps, "not watched", data.watch_gaps, "gaps in what `aegis watch` could see");
  std::uint64_t erased = 0;
  for (const SessionInfo& info : data.sessions) {
    erased += static_cast<std::uint64_t>(std::max<std::int64_t>(info.session.erased, 0));
  }
  Add(gaps, "erased", erased, "entries whose content was erased: the report can't have it");
  const Activity& activity = data.activity;
  const std::uint64_t unnamed = activity.denials.others().total() +
                                activity.programs.others().total() +
                                activity.hosts.others().total() + data.secrets.others().total();
  Add(gaps, "not listed", unnamed,
      "actions on names beyond the first " + std::to_string(ReportData::kMostNames) +
          " of their kind: counted by kind, and not listed");
}

void AddLedgerGaps(const ledger::VerifyReport& report, std::vector<Gap>& gaps) {
  Add(gaps, "invalid", report.findings.count(), "findings: the ledger does not verify");
  Add(gaps, "undrained",
      static_cast<std::uint64_t>(std::ranges::count_if(report.journals, IsUndrained)),
      "journals that can't be read into the ledger");
  using Kind = ledger::JournalFinding::Kind;
  Add(gaps, "lost tail",
      static_cast<std::uint64_t>(
          std::ranges::count(report.journals, Kind::kLostTail, &ledger::JournalFinding::kind)),
      "sessions whose last entries a power cut took");
  const std::uint64_t seen = report.witnessed ? report.witnessed->size : 0;
  Add(gaps, "not witnessed", report.entries - std::min(report.entries, seen),
      "entries that no witness has seen: who has the ledger's key could rewrite them");
}

}  // namespace

std::uint64_t CountWithoutReads(const ReportData& data) { return CountLevels(data, "writes"); }

base::Result<ReportData> GatherReport(ledger::Ledger& ledger, const ReportScope& scope,
                                      SecretPlaces& secrets) {
  ReportData data;
  data.made_ms = ledger::SystemClock();
  data.scope = scope;
  AEGIS_TRY(ChooseSessions(ledger, data));
  AEGIS_ASSIGN(data.levels, ReadLevels(ledger, data.sessions));
  for (const SessionInfo& info : data.sessions) {
    if (info.session.policy_digest) {
      ++data.policies[*info.session.policy_digest].sessions;
    }
  }
  Gathering gathering(data, secrets);
  ledger::QueryFilter filter;
  filter.from_ms = scope.from_ms;
  filter.to_ms = scope.to_ms;
  if (!scope.last && !scope.session_id) {
    AEGIS_TRY(Read(ledger, filter, gathering));
    return data;
  }
  for (const SessionInfo& info : data.sessions) {
    filter.session_id = info.session.session_id;
    AEGIS_TRY(Read(ledger, filter, gathering));
  }
  return data;
}

std::vector<Gap> GapsOf(const ReportData& data) {
  std::vector<Gap> gaps;
  AddLedgerGaps(data.verification, gaps);
  AddSessionGaps(data, gaps);
  AddRecordGaps(data, gaps);
  return gaps;
}

}  // namespace aegis::cli
