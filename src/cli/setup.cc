#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/json.h"
#include "cli/text.h"
#include "sandbox/protections.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 1> kOptions = {{
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis setup", "Exit code 0 if `aegis run` has all that it needs."},
}};

// Where state lies is no protection of the kernel, but without it nothing runs either.
sandbox::Protection StateDirectory(const Context& context) {
  sandbox::Protection state{.name = "state directory", .detail = "", .advice = ""};
  const auto places = FindPlaces(context);
  state.in_force = places.has_value();
  state.detail = places ? base::EscapeName(places->home.path()) : places.error().message();
  if (!places) {
    state.advice = "set AEGIS_HOME to a directory of your own that nobody else may write";
  }
  return state;
}

void Print(Context& context, const std::vector<sandbox::Protection>& protections) {
  std::size_t width = 0;
  for (const sandbox::Protection& protection : protections) {
    width = std::max(width, protection.name.size());
  }
  for (const sandbox::Protection& protection : protections) {
    std::string mark = context.out.Good("ok      ");
    if (!protection.in_force) {
      mark = protection.required ? context.out.Bad("MISSING ") : context.out.Faint("missing ");
    }
    context.out.Line(mark + Padded(protection.name, width) + "  " +
                     base::ForDisplay(protection.detail));
    if (!protection.in_force && !protection.advice.empty()) {
      context.out.Line(std::string(8, ' ') + "→ " + base::ForDisplay(protection.advice));
    }
  }
}

void PrintAsJson(Context& context, const std::vector<sandbox::Protection>& protections,
                 bool ready) {
  auto list = nlohmann::ordered_json::array();
  for (const sandbox::Protection& protection : protections) {
    list.push_back({{"name", protection.name},
                    {"in_force", protection.in_force},
                    {"required", protection.required},
                    {"detail", protection.detail},
                    {"advice", protection.advice}});
  }
  PrintJson(context.out, {{"ready", ready}, {"protections", list}});
}

base::Result<int> Run(Context& context, const Args& args) {
  std::vector<sandbox::Protection> protections = sandbox::Probe();
  protections.push_back(StateDirectory(context));
  const bool ready = std::ranges::all_of(
      protections, [](const sandbox::Protection& p) { return p.in_force || !p.required; });
  if (args.Has("--json")) {
    PrintAsJson(context, protections, ready);
  } else {
    Print(context, protections);
  }
  if (!ready) {
    context.Say("a protection is missing: `aegis run` refuses to start anything here");
  }
  return ready ? 0 : 1;
}

}  // namespace

const Command kSetupCommand = {
    .name = "setup",
    .summary = "Show each protection, whether it is in force, and what to do",
    .options = kOptions,
    .examples = kExamples,
    .notes = "Changes nothing.\n",
    .run = Run,
};

}  // namespace aegis::cli
