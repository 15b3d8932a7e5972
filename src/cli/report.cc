#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/query_arguments.h"
#include "cli/report_data.h"
#include "cli/report_document.h"
#include "cli/report_json.h"
#include "cli/secrets.h"
#include "cli/verification.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::size_t kTextRows = 20;
constexpr std::size_t kHtmlRows = 1000;

constexpr auto kFormats = std::to_array<std::string_view>({"text", "json", "html"});

constexpr std::array<Option, 9> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-f,--format", Kind::kText, "FORMAT", "text (the default), json, or html: one file by itself",
     kFormats},
    {"--json", Kind::kFlag, "", "The same as --format json"},
    kSessionOption,
    kFromOption,
    kToOption,
    {"-n,--last", Kind::kNumber, "N", "Only the latest N sessions"},
    {"-o,--output", Kind::kText, "FILE", "Write there, for you alone to read"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis report work", "What happened in the configuration work."},
    {"aegis report work --from 2026-11-01 --to 2026-12-01 --format html --output november.html",
     "A month, to be shown around or printed."},
    {"aegis report work --session good --json", "One session, for programs."},
}};

base::Result<std::string> FormatOf(const Args& args) {
  const auto format = args.Text("--format");
  if (args.Has("--json") && format && *format != "json") {
    return base::Fail(base::Errc::kInvalid,
                      "--json and --format " + *format + " exclude each other");
  }
  return args.Has("--json") ? "json" : format.value_or("text");
}

// The session by its id once the ledger is open.
base::Result<ReportScope> ScopeOf(const Args& args) {
  const bool times = args.Has("--from") || args.Has("--to");
  if (int{times} + int{args.Has("--last")} + int{args.Has("--session")} > 1) {
    return base::Fail(base::Errc::kInvalid, "--session, --last and --from/--to exclude each other");
  }
  ledger::QueryFilter filter;
  AEGIS_TRY(TakeTimeFilter(args, filter));
  return ReportScope{.from_ms = filter.from_ms,
                     .to_ms = filter.to_ms,
                     .last = args.Number("--last"),
                     .session_id = args.Text("--session")};
}

base::Result<ReportData> Gather(Context& context, const Places& places,
                                const config::Configuration& configuration, ReportScope scope) {
  AEGIS_ASSIGN(const policy::Names names,
               PolicyNames(configuration.name, places.user_home, configuration.dir));
  AEGIS_ASSIGN(SecretPlaces secrets, SecretPlaces::Load(names));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  if (scope.session_id) {
    AEGIS_ASSIGN(const ledger::SessionInfo info, ledger.FindSession(*scope.session_id));
    scope.session_id = info.session.session_id;
  }
  AEGIS_ASSIGN(ReportData data, GatherReport(ledger, scope, secrets));
  AEGIS_ASSIGN(data.verification, VerifyLedger(context, places, configuration, ledger, {}));
  data.config = configuration.name;
  return data;
}

// Colours only where `out` has them.
std::string Rendered(const ReportData& data, std::string_view format, const Output& out) {
  if (format == "json") {
    return JsonText(ReportJson(data)) + "\n";
  }
  return format == "html" ? ReportHtml(MakeDocument(data, kHtmlRows))
                          : ReportText(MakeDocument(data, kTextRows), out);
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto format = FormatOf(args);
  if (!format) {
    return context.Usage(format.error().message());
  }
  auto scope = ScopeOf(args);
  if (!scope) {
    return context.Usage(scope.error().message());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(const ReportData data, Gather(context, places, configuration, std::move(*scope)));
  if (const auto file = args.Text("--output")) {
    const Output plain(-1);
    AEGIS_TRY(base::WriteFileAtomic(*file, Rendered(data, *format, plain), 0600));
  } else {
    context.out.Write(Rendered(data, *format, context.out));
  }
  if (Verified(data.verification)) {
    return 0;
  }
  context.Say("the ledger of \"" + configuration.name +
              "\" does not verify; see: aegis audit verify " + configuration.name);
  return 1;
}

}  // namespace

const Command kReportCommand = {
    .name = "report",
    .summary =
        "Report what happened: sessions, policies, actions, denials, secrets, integrity, gaps",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Verifies the ledger, and reads it once. permitted: the policies said yes. denied: they\n"
        "said no, and it was refused. let through: they said no, and it was done all the same,\n"
        "under `aegis wrap`. Secrets are the places that the template project calls so. Exit\n"
        "code: 1 if the ledger does not verify; the report is written all the same.\n",
    .run = Run,
};

}  // namespace aegis::cli
