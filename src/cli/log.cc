#include <array>
#include <cstdint>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::uint64_t kDefaultLast = 20;

constexpr std::array<Option, 4> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-n,--last", Kind::kNumber, "N", "So many of the latest entries (default: 20)"},
    {"--json", Kind::kFlag, "", "One envelope per line"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis log work --last 50", "The latest 50 entries, oldest first."},
}};

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  ledger::QueryFilter filter;
  filter.last = args.Number("--last").value_or(kDefaultLast);
  AEGIS_TRY(PrintEntries(context, ledger, filter, args.Has("--json")));
  return 0;
}

}  // namespace

const Command kLogCommand = {
    .name = "log",
    .summary = "Show the latest entries of the ledger",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "allow: permitted. deny: refused. (deny): would have been refused, under `aegis wrap` and "
        "`watch`.\n",
    .run = Run,
};

}  // namespace aegis::cli
