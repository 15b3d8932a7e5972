#include <array>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 4> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-f,--format", Kind::kText, "FORMAT",
     "jsonl: one envelope per line (the default); json: an array"},
    {"-n,--last", Kind::kNumber, "N", "Only the last N entries (default: all)"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis audit export work --format jsonl > work.jsonl", "The whole ledger as JSON lines."},
}};

base::Result<> ExportLines(Context& context, ledger::Ledger& ledger,
                           const ledger::QueryFilter& filter) {
  return PrintEntries(context, ledger, filter, true);
}

base::Result<> ExportArray(Context& context, ledger::Ledger& ledger,
                           const ledger::QueryFilter& filter) {
  std::string_view before = "[\n";
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    context.out.Write(before);
    context.out.Write(EntryJson(entry));
    before = ",\n";
    return true;
  }));
  context.out.Line(before == "[\n" ? "[]" : "\n]");
  return {};
}

base::Result<int> Run(Context& context, const Args& args) {
  const std::string format = args.Text("--format").value_or("jsonl");
  if (format == "csv" || format == "cef") {
    context.Say("the format \"" + format + "\" is not in this build; there are json and jsonl");
    return kUsageExit;
  }
  if (format != "json" && format != "jsonl") {
    return context.Usage("--format is json or jsonl, not \"" + format + "\"");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  ledger::QueryFilter filter;
  filter.last = args.Number("--last");
  AEGIS_TRY(format == "json" ? ExportArray(context, ledger, filter)
                             : ExportLines(context, ledger, filter));
  return 0;
}

}  // namespace

const Command kAuditExportCommand = {
    .name = "audit export",
    .summary = "Print the ledger for other programs",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Complete, in ledger order, also while a run is writing. docs/ledger-format.md says what\n"
        "an envelope is. Characters that could steer a terminal come as \\u escapes.\n",
    .run = Run,
};

}  // namespace aegis::cli
