#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/json.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "The configuration to use from now on"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis use work", "`aegis run`, `log`, `status` ... mean \"work\" from now on."},
    {"aegis use", "Show what is in use."},
}};

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  if (name) {
    AEGIS_TRY(LoadChosen(places, name));  // one that does not load is not worth choosing
    AEGIS_TRY(places.home.SetActive(*name));
  }
  AEGIS_ASSIGN(const auto active, places.home.Active());
  if (args.Has("--json")) {
    PrintJson(context.out, {{"active", OrNull(active)}});
  } else if (!context.quiet || !name) {
    context.out.Line(active ? "active configuration: " + *active
                            : "no active configuration; \"default\" is used");
  }
  return 0;
}

}  // namespace

const Command kUseCommand = {
    .name = "use",
    .summary = "Choose the configuration that commands mean, or show it",
    .options = kOptions,
    .examples = kExamples,
    .notes = "",
    .run = Run,
};

}  // namespace aegis::cli
