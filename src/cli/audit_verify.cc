#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/text.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;
using nlohmann::ordered_json;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "The report as JSON"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis audit verify work", "Exit code 0 only if everything verifies."},
}};

bool IsUndrained(const ledger::JournalFinding& journal) {
  return journal.kind == ledger::JournalFinding::Kind::kUndrained;
}

// Entries that could not be read for the ledger were not verified either.
bool Verified(const ledger::VerifyReport& report) {
  return report.ok() && std::ranges::none_of(report.journals, IsUndrained);
}

std::string Describe(const ledger::Finding& finding) {
  std::string text;
  if (!finding.session_id.empty()) {
    text += "session " + finding.session_id + " ";
  }
  if (finding.seq) {
    text += "seq " + std::to_string(*finding.seq) + " ";
  }
  if (finding.id) {
    text += "(row " + std::to_string(*finding.id) + ") ";
  }
  return text + (text.empty() ? "" : ": ") + std::string(ledger::FindingKindName(finding.kind)) +
         ": " + finding.what;
}

ordered_json AsJson(const ledger::VerifyReport& report) {
  ordered_json findings = ordered_json::array();
  for (const ledger::Finding& finding : report.findings.first()) {
    findings.push_back({{"kind", ledger::FindingKindName(finding.kind)},
                        {"session_id", finding.session_id},
                        {"seq", OrNull(finding.seq)},
                        {"id", OrNull(finding.id)},
                        {"what", finding.what}});
  }
  ordered_json undrained = ordered_json::array();
  for (const ledger::JournalFinding& journal : report.journals) {
    if (IsUndrained(journal)) {
      undrained.push_back({{"path", base::EscapeName(journal.path)}, {"detail", journal.detail}});
    }
  }
  return {{"valid", Verified(report)},      {"entries", report.entries},
          {"sessions", report.sessions},    {"erased", report.erased},
          {"bad", report.findings.count()}, {"findings", findings},
          {"unread_journals", undrained}};
}

void Print(Context& context, const ledger::VerifyReport& report, const std::string& name) {
  const std::string seen = Count(report.sessions, "session") + ", " +
                           std::to_string(report.entries) +
                           (report.entries == 1 ? " entry" : " entries");
  if (Verified(report)) {
    context.out.Line(context.out.Good("valid") + ": " + name + ", " + seen);
    return;
  }
  context.out.Line(context.out.Bad("INVALID") + ": " + name + ", " + seen + ", " +
                   Count(report.findings.count(), "finding"));
  for (const ledger::Finding& finding : report.findings.first()) {
    context.out.Line("  " + base::ForDisplay(Describe(finding)));
  }
  for (const ledger::JournalFinding& journal : report.journals) {
    if (IsUndrained(journal)) {
      context.out.Line("  " + base::ForDisplay("unread journal " + base::EscapeName(journal.path) +
                                               ": " + journal.detail));
    }
  }
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const auto report, ledger.Verify());
  if (args.Has("--json")) {
    PrintJson(context.out, AsJson(report));
  } else {
    Print(context, report, configuration.name);
  }
  if (Verified(report)) {
    return 0;
  }
  context.Say("the ledger of \"" + configuration.name + "\" does not verify" +
              (report.ok() ? "" : ": " + Describe(report.findings.first().front())));
  return 1;
}

}  // namespace

const Command kAuditVerifyCommand = {
    .name = "audit verify",
    .summary = "Recompute every hash of the ledger; name the first bad entry",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Exit code 0 only if everything verifies. It finds edited, missing and reordered entries;\n"
        "whoever can write the file can still rewrite a whole chain.\n",
    .run = Run,
};

}  // namespace aegis::cli
