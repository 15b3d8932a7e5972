#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/text.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::uint64_t kDefaultPageSize = 20;

constexpr std::array<Option, 14> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-n,--last", Kind::kNumber, "N", "Only the last N that match (default: all)"},
    {"--from", Kind::kText, "TIME", "Not before: 2026-11-21, 2026-11-21T14:03:07Z"},
    {"--to", Kind::kText, "TIME", "Before this"},
    {"--action", Kind::kText, "ACTION", "FileRead, FileWrite, ..."},
    {"--decision", Kind::kText, "DECISION", "allow or deny"},
    {"--principal", Kind::kText, "AGENT", "The agent (the configuration) or the user"},
    {"--session", Kind::kText, "ID", "Of one session; the beginning of its id will do"},
    {"--event", Kind::kText, "TYPE", "ACTION_DECIDED, SESSION_STARTED, ..."},
    {"--search", Kind::kText, "TEXT", "Occurs in the entry, whatever the case"},
    {"--page", Kind::kNumber, "N", "The N-th page, oldest first"},
    {"--page-size", Kind::kNumber, "N", "Entries on a page (default: 20)"},
    {"--json", Kind::kFlag, "", "One envelope per line"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis audit query work --decision deny", "All refusals."},
    {"aegis audit query work --action FileWrite --from 2026-11-21 --json",
     "Every write since a day, as JSON lines."},
    {"aegis audit query work --session 0193", "One session."},
}};

base::Result<std::optional<std::int64_t>> TimeArgument(const Args& args, std::string_view key) {
  const auto text = args.Text(key);
  if (!text) {
    return std::nullopt;
  }
  const auto time = ParseTime(*text);
  if (!time) {
    return base::Fail(base::Errc::kInvalid, std::string(key) + ": \"" + *text +
                                                "\" is no time like 2026-11-21T14:03:07Z");
  }
  return time;
}

base::Result<ledger::QueryFilter> FilterOf(const Args& args) {
  ledger::QueryFilter filter;
  filter.last = args.Number("--last");
  AEGIS_ASSIGN(filter.from_ms, TimeArgument(args, "--from"));
  AEGIS_ASSIGN(filter.to_ms, TimeArgument(args, "--to"));
  filter.action = args.Text("--action");
  if (filter.action && !policy::ParseAction(*filter.action)) {
    return base::Fail(base::Errc::kInvalid,
                      "--action: there is no action \"" + *filter.action + "\"");
  }
  filter.decision = args.Text("--decision");
  if (filter.decision && *filter.decision != "allow" && *filter.decision != "deny" &&
      *filter.decision != "Allow" && *filter.decision != "Deny") {
    return base::Fail(base::Errc::kInvalid,
                      "--decision is allow or deny, not \"" + *filter.decision + "\"");
  }
  filter.principal = args.Text("--principal");
  filter.event_type = args.Text("--event");
  filter.text = args.Text("--search");
  return filter;
}

// Which of the matching entries to show: [first, first + size).
struct Page {
  std::uint64_t first = 0;
  std::uint64_t size = std::numeric_limits<std::uint64_t>::max();
};

base::Result<Page> PageOf(const Args& args) {
  const auto number = args.Number("--page");
  const auto size = args.Number("--page-size");
  if (!number && !size) {
    return Page{};
  }
  if (args.Has("--last")) {
    return base::Fail(base::Errc::kInvalid, "--last and --page exclude each other");
  }
  const std::uint64_t entries = size.value_or(kDefaultPageSize);
  const std::uint64_t before = number.value_or(1) - 1;
  if (before > std::numeric_limits<std::uint64_t>::max() / entries) {
    return base::Fail(base::Errc::kInvalid, "--page: there is no such page");
  }
  return Page{.first = before * entries, .size = entries};
}

base::Result<int> Print(Context& context, ledger::Ledger& ledger, const ledger::QueryFilter& filter,
                        const Page& page, bool json) {
  std::uint64_t position = 0;
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    const std::uint64_t at = position++;
    if (at < page.first) {
      return true;
    }
    if (at - page.first >= page.size) {
      return false;
    }
    context.out.Line(json ? EntryJson(entry) : EntryLine(context.out, entry));
    return true;
  }));
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  auto filter = FilterOf(args);
  if (!filter) {
    return context.Usage(filter.error().message());
  }
  const auto page = PageOf(args);
  if (!page) {
    return context.Usage(page.error().message());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  if (const auto session = args.Text("--session")) {
    AEGIS_ASSIGN(const auto found, ledger.FindSession(*session));
    filter->session_id = found.session.session_id;
  }
  return Print(context, ledger, *filter, *page, args.Has("--json"));
}

}  // namespace

const Command kAuditQueryCommand = {
    .name = "audit query",
    .summary = "Show the entries of the ledger that match",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Entries come in ledger order, those of running sessions too. Times without an offset are\n"
        "UTC.\n",
    .run = Run,
};

}  // namespace aegis::cli
