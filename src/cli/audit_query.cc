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
#include "cli/query_arguments.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::uint64_t kDefaultPageSize = 20;

constexpr std::array<Option, 19> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-n,--last", Kind::kNumber, "N", "Only the last N that match (default: all)"},
    kFromOption,
    kToOption,
    kActionOption,
    kDecisionOption,
    {"--agent", Kind::kText, "AGENT", "The agent (the configuration) or the user"},
    {"--principal", Kind::kText, "AGENT", "The same"},
    kPathOption,
    kSessionOption,
    {"--event", Kind::kText, "TYPE", "ACTION_DECIDED, SESSION_STARTED, ..."},
    {"--search", Kind::kText, "TEXT", "Occurs in the entry, whatever the case"},
    {"--limit", Kind::kNumber, "N", "A page: the first N that match"},
    {"--cursor", Kind::kText, "CURSOR", "The page behind the one that gave it (of --last: before)"},
    {"--show-cursor", Kind::kFlag, "", "End with the cursor of the next page"},
    {"--page", Kind::kNumber, "N", "The N-th page, oldest first"},
    {"--page-size", Kind::kNumber, "N", "Entries on a page (default: 20)"},
    {"--json", Kind::kFlag, "", "One envelope per line"},
}};

constexpr std::array<Example, 5> kExamples = {{
    {"aegis audit query work --decision deny", "All refusals."},
    {"aegis audit query work --action FileWrite --from 2026-11-21 --json",
     "Every write since a day, as JSON lines."},
    {"aegis audit query work --session 0193", "One session."},
    {"aegis audit query work --path '/home/*/.ssh/**'", "Whatever was tried there."},
    {"aegis audit query work --limit 100 --show-cursor --json",
     "A page; the last line says {\"next_cursor\": \"a1234\"}, or null if it was the last."},
}};

base::Result<std::optional<std::string>> AgentArgument(const Args& args) {
  const auto agent = args.Text("--agent");
  const auto principal = args.Text("--principal");
  if (agent && principal && *agent != *principal) {
    return base::Fail(base::Errc::kInvalid, "--agent and --principal name two agents");
  }
  return agent ? agent : principal;
}

// A page that begins where another ended.
base::Result<std::optional<ledger::QueryCursor>> CursorArgument(const Args& args) {
  const auto text = args.Text("--cursor");
  if (!text) {
    return std::nullopt;
  }
  const auto cursor = ledger::QueryCursor::Parse(*text);
  if (!cursor) {
    return base::Fail(base::Errc::kInvalid, "--cursor: \"" + *text + "\" is no cursor");
  }
  if (cursor->before != args.Has("--last")) {
    return base::Fail(base::Errc::kInvalid, std::string("--cursor: it is of a query with ") +
                                                (cursor->before ? "--last" : "--limit"));
  }
  return cursor;
}

base::Result<ledger::QueryFilter> FilterOf(const Args& args, const std::string& home) {
  ledger::QueryFilter filter;
  filter.last = args.Number("--last");
  filter.limit = args.Number("--limit");
  if (filter.last && filter.limit) {
    return base::Fail(base::Errc::kInvalid, "--last and --limit exclude each other");
  }
  AEGIS_ASSIGN(filter.cursor, CursorArgument(args));
  AEGIS_TRY(TakeTimeFilter(args, filter));
  AEGIS_TRY(TakeContentFilter(args, home, filter));
  AEGIS_ASSIGN(filter.principal, AgentArgument(args));
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
  for (const std::string_view other : {"--last", "--limit", "--cursor"}) {
    if (args.Has(other)) {
      return base::Fail(base::Errc::kInvalid,
                        std::string(other) + " and --page exclude each other");
    }
  }
  const std::uint64_t entries = size.value_or(kDefaultPageSize);
  const std::uint64_t before = number.value_or(1) - 1;
  if (before > std::numeric_limits<std::uint64_t>::max() / entries) {
    return base::Fail(base::Errc::kInvalid, "--page: there is no such page");
  }
  return Page{.first = before * entries, .size = entries};
}

base::Result<ledger::QueryPage> Print(Context& context, ledger::Ledger& ledger,
                                      const ledger::QueryFilter& filter, const Page& page,
                                      bool json) {
  std::uint64_t position = 0;
  return ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    const std::uint64_t at = position++;
    if (at < page.first) {
      return true;
    }
    if (at - page.first >= page.size) {
      return false;
    }
    context.out.Line(json ? EntryJson(entry) : EntryLine(context.out, entry));
    return true;
  });
}

// Where to go on, for those who asked for it or who asked for a page.
void SayNext(Context& context, const Args& args, const ledger::QueryPage& page) {
  const std::string cursor = page.next ? page.next->Text() : "";
  if (!args.Has("--show-cursor")) {
    if (page.next && (args.Has("--limit") || args.Has("--cursor"))) {
      context.Note("there may be more: --cursor " + cursor);
    }
  } else if (args.Has("--json")) {
    context.out.Line(R"({"next_cursor":)" + (page.next ? '"' + cursor + '"' : "null") + "}");
  } else {
    context.out.Line("next cursor: " + (page.next ? cursor : "none"));
  }
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  auto filter = FilterOf(args, places.user_home);
  if (!filter) {
    return context.Usage(filter.error().message());
  }
  const auto page = PageOf(args);
  if (!page) {
    return context.Usage(page.error().message());
  }
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  if (const auto session = args.Text("--session")) {
    AEGIS_ASSIGN(const auto found, ledger.FindSession(*session));
    filter->session_id = found.session.session_id;
  }
  AEGIS_ASSIGN(const ledger::QueryPage answer,
               Print(context, ledger, *filter, *page, args.Has("--json")));
  SayNext(context, args, answer);
  return 0;
}

}  // namespace

const Command kAuditQueryCommand = {
    .name = "audit query",
    .summary = "Show the entries of the ledger that match",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Entries come in ledger order, those of running sessions last. Times without an offset "
        "are\n"
        "UTC. In --path, names are in their escaped form (docs/ledger-format.md), ** as a whole\n"
        "segment is any number of them, \\* and \\? are the characters themselves, and ~/\n"
        "is your home.\n",
    .run = Run,
};

}  // namespace aegis::cli
