#include <unistd.h>

#include <array>
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/retention.h"
#include "cli/text.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 8> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one), or an age as 30d"},
    {"--config", Kind::kText, "NAME", "Configuration"},
    {"--before", Kind::kText, "TIME",
     "Entries from before: 2026-08-01, 2026-08-01T12:00:00Z, or an age: 2w, 30d, 12h, 45m "
     "(minutes)"},
    {"--session", Kind::kText, "ID",
     "Entries of one session (id, beginning of it, or tag), and the tags it was given"},
    {"--dry-run", Kind::kFlag, "", "Only say how many entries it would be"},
    {"-y,--yes", Kind::kFlag, "", "Do not ask"},
    {"--confirm", Kind::kFlag, "", "The same"},
    {"--json", Kind::kFlag, "", "The result as JSON"},
}};

constexpr std::array<Example, 4> kExamples = {{
    {"aegis audit purge work --before 2026-08-01 --dry-run", "How much would go?"},
    {"aegis audit purge work --session 0193 --yes", "One session, without a question."},
    {"aegis audit purge 30d --config work --confirm", "What is older than thirty days."},
    {"aegis audit purge work", "What [retention] max_age_days in aegis.toml says."},
}};

// The moment that a time or an age ("30d") names.
std::optional<std::int64_t> MomentOf(std::string_view text) {
  if (const auto age = ParseAge(text)) {
    const std::int64_t now = ledger::SystemClock();
    return *age > now ? 0 : now - *age;
  }
  return ParseTime(text);
}

// The position may hold either of the two: a configuration whose name reads as an age is named by
// --config.
struct Wanted {
  std::optional<std::string> name;
  std::optional<std::string> before;
  std::optional<std::string> session;
};

base::Result<Wanted> WantedBy(const Args& args) {
  Wanted wanted{
      .name = std::nullopt, .before = args.Text("--before"), .session = args.Text("--session")};
  const auto positional = args.Text("NAME");
  if (positional && ParseAge(*positional)) {
    if (wanted.before) {
      return base::Fail(base::Errc::kInvalid, "--before and an age exclude each other");
    }
    wanted.before = positional;
    wanted.name = args.Text("--config");
  } else {
    AEGIS_ASSIGN(wanted.name, ConfigArgument(args));
  }
  if (wanted.before && wanted.session) {
    return base::Fail(base::Errc::kInvalid, "--before and --session exclude each other");
  }
  return wanted;
}

// A session, and the records of the tags that it was given: they say something about it.
base::Result<std::vector<ledger::PurgeScope>> SessionScopes(ledger::Ledger& ledger,
                                                            const std::string& wanted) {
  AEGIS_ASSIGN(const ledger::SessionInfo info, ledger.FindSession(wanted));
  AEGIS_ASSIGN(const ledger::Taggings taggings, ledger.ReadTags());
  std::vector<ledger::PurgeScope> scopes(1);
  scopes.front().session_id = info.session.session_id;
  if (const auto given = taggings.find(info.session.session_id); given != taggings.end()) {
    for (const ledger::Tagging& tagging : given->second) {
      scopes.push_back({.before_ms = std::nullopt, .session_id = tagging.recorded_by});
    }
  }
  return scopes;
}

base::Result<std::vector<ledger::PurgeScope>> ScopesOf(ledger::Ledger& ledger, const Wanted& wanted,
                                                       const config::Configuration& configuration) {
  if (wanted.session) {
    return SessionScopes(ledger, *wanted.session);
  }
  ledger::PurgeScope scope;
  if (wanted.before) {
    scope.before_ms = MomentOf(*wanted.before);
    if (!scope.before_ms) {
      return base::Fail(base::Errc::kInvalid, "--before: \"" + *wanted.before +
                                                  "\" is no time like 2026-08-01T12:00:00Z");
    }
    return std::vector{scope};
  }
  if (!configuration.max_age_days) {
    return base::Fail(base::Errc::kInvalid,
                      "--before TIME or --session ID says what to purge; or set [retention] "
                      "max_age_days in aegis.toml");
  }
  scope.before_ms = DaysAgo(*configuration.max_age_days);
  return std::vector{scope};
}

base::Result<std::uint64_t> CountAll(ledger::Ledger& ledger,
                                     const std::vector<ledger::PurgeScope>& scopes) {
  AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
  std::uint64_t entries = 0;
  for (const ledger::PurgeScope& scope : scopes) {
    AEGIS_ASSIGN(const std::uint64_t more, ledger::CountPurgeable(*snapshot, scope));
    entries += more;
  }
  return entries;
}

base::Result<std::uint64_t> EraseAll(ledger::Ledger& ledger,
                                     const std::vector<ledger::PurgeScope>& scopes) {
  std::uint64_t erased = 0;
  for (const ledger::PurgeScope& scope : scopes) {
    AEGIS_ASSIGN(const std::uint64_t more,
                 PurgeLedger(ledger, scope, "command", std::numeric_limits<std::uint64_t>::max()));
    erased += more;
  }
  return erased;
}

// " from before 2026-08-01T00:00:00Z", where a time bounds them.
std::string Bounds(const std::vector<ledger::PurgeScope>& scopes) {
  std::string text;
  for (const ledger::PurgeScope& scope : scopes) {
    if (scope.before_ms) {
      text.append(text.empty() ? " from before " : ", ").append(FormatTime(*scope.before_ms));
    }
  }
  return text;
}

bool Confirmed(const std::string& question) {
  std::cerr << "aegis: " << question << " This can't be undone. [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

void Print(Context& context, const Args& args, std::uint64_t entries,
           const std::vector<ledger::PurgeScope>& scopes, bool done) {
  if (args.Has("--json")) {
    PrintJson(context.out, {{"entries", entries}, {"erased", done}});
    return;
  }
  context.out.Line(std::to_string(entries) + (entries == 1 ? " entry" : " entries") +
                   Bounds(scopes) + (done ? " erased" : " would be erased"));
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto wanted = WantedBy(args);
  if (!wanted) {
    return context.Usage(wanted.error().message());
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, wanted->name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const auto scopes, ScopesOf(ledger, *wanted, configuration));
  AEGIS_ASSIGN(const std::uint64_t entries, CountAll(ledger, scopes));
  if (args.Has("--dry-run") || entries == 0) {
    Print(context, args, entries, scopes, entries == 0 && !args.Has("--dry-run"));
    return 0;
  }
  if (!args.Has("--yes") && !args.Has("--confirm")) {
    if (isatty(STDIN_FILENO) != 1) {
      return context.Usage("erasing can't be undone: say --yes");
    }
    if (!Confirmed("Erase the content of " + std::to_string(entries) + " entries of \"" +
                   configuration.name + "\"" + Bounds(scopes) + "?")) {
      context.Say("nothing was erased");
      return 1;
    }
  }
  AEGIS_ASSIGN(const std::uint64_t erased, EraseAll(ledger, scopes));
  Print(context, args, erased, scopes, true);
  return 0;
}

}  // namespace

const Command kAuditPurgeCommand = {
    .name = "audit purge",
    .summary = "Erase what old entries say; their hashes stay, and everything still verifies",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Which entries were erased, when and by whom is itself recorded. Tenant, session, "
        "position\n"
        "and hash of each entry stay. Without --before and --session, [retention] in aegis.toml\n"
        "says what is old; it is applied after each run too.\n",
    .run = Run,
};

}  // namespace aegis::cli
