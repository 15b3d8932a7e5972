#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/session_detail.h"
#include "cli/session_level.h"
#include "cli/sessions.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 5> kListOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-n,--last", Kind::kNumber, "N", "So many of the latest sessions (default: all)"},
    {"--tag", Kind::kText, "TAG", "Of these, those with this tag"},
    {"--json", Kind::kFlag, "", "An array of sessions"},
}};

constexpr std::array<Example, 2> kListExamples = {{
    {"aegis audit sessions work --last 10", "The latest ten, oldest first."},
    {"aegis audit sessions work --tag nightly", "All that are tagged so."},
}};

constexpr std::array<Option, 4> kOneOptions = {{
    {"ID", Kind::kPositional, "",
     "The session: its id, the beginning of it, or its tag; with --id: the configuration"},
    {"--config", Kind::kText, "NAME", "Configuration (default: the active one)"},
    {"--id", Kind::kText, "ID", "The session"},
    {"--json", Kind::kFlag, "", "The session as JSON"},
}};

constexpr std::array<Example, 2> kOneExamples = {{
    {"aegis audit session 0193f --config work",
     "One session: what ran, how it ended, what it did."},
    {"aegis audit session work --id 0193f", "The same."},
}};

base::Result<int> RunList(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  const bool json = args.Has("--json");
  const auto tag = args.Text("--tag");
  std::vector<ledger::SessionInfo> sessions;
  AEGIS_TRY(ledger.Sessions(args.Number("--last"),
                            [&](const ledger::SessionInfo& info) -> base::Result<bool> {
                              if (!tag || info.tag == tag) {
                                sessions.push_back(info);
                              }
                              return true;
                            }));
  AEGIS_ASSIGN(const SessionLevels levels, ReadLevels(ledger, sessions));
  auto document = nlohmann::ordered_json::array();
  for (const ledger::SessionInfo& info : sessions) {
    if (json) {
      document.push_back(SessionJson(info, LevelOf(levels, info)));
    } else {
      context.out.Line(SessionLine(info, LevelOf(levels, info)));
    }
  }
  if (json) {
    PrintJson(context.out, document);
  }
  return 0;
}

// ID and NAME may be spelled "ID --config NAME" and "NAME --id ID".
struct Wanted {
  std::string id;
  std::optional<std::string> name;
};

base::Result<Wanted> WantedBy(const Args& args) {
  const auto positional = args.Text("ID");
  const auto option = args.Text("--id");
  auto name = args.Text("--config");
  if (!option) {
    if (!positional) {
      return base::Fail(base::Errc::kInvalid, "which session? give its id");
    }
    return Wanted{.id = *positional, .name = name};
  }
  if (positional && name && *positional != *name) {
    return base::Fail(base::Errc::kInvalid, "two configurations are named");
  }
  return Wanted{.id = *option, .name = name ? name : positional};
}

base::Result<int> RunOne(Context& context, const Args& args) {
  const auto wanted = WantedBy(args);
  if (!wanted) {
    return context.Usage(wanted.error().message());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, wanted->name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const auto info, ledger.FindSession(wanted->id));
  constexpr std::size_t kMostNames = 10'000;
  AEGIS_ASSIGN(const SessionDetail detail, ReadSession(ledger, info, kMostNames));
  if (args.Has("--json")) {
    PrintJson(context.out, DetailJson(detail));
  } else {
    PrintDetail(context.out, detail);
  }
  return 0;
}

}  // namespace

const Command kAuditSessionsCommand = {
    .name = "audit sessions",
    .summary = "List the sessions: one per run",
    .options = kListOptions,
    .examples = kListExamples,
    .notes =
        "A session that did not record in full, or not at the level that it was asked for, says\n"
        "so: at the level `writes` plain reads left no entries.\n",
    .run = RunList,
};

const Command kAuditSessionCommand = {
    .name = "audit session",
    .summary = "Show one session: what ran, under which policies, how it ended, what it did",
    .options = kOneOptions,
    .examples = kOneExamples,
    .notes =
        "permitted: the policies said yes. denied: they said no, and it was refused. let through:\n"
        "they said no, and it was done all the same, under `aegis wrap`.\n",
    .run = RunOne,
};

}  // namespace aegis::cli
