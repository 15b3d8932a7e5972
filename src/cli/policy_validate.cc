#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/json.h"
#include "cli/policies.h"
#include "cli/policy_rows.h"
#include "cli/text.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"FILE", Kind::kPositional, "", "A Cedar policy file, or a directory of them"},
    {"--path", Kind::kText, "FILE", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis policy validate strict.cedar", "Exit code 0 if `aegis run` would accept it."},
}};

// Takes a number and the colon behind it from the front of a text.
std::optional<std::size_t> TakeNumber(std::string_view& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || !text.substr(length).starts_with(':')) {
    return std::nullopt;
  }
  text.remove_prefix(length + 1);
  return number;
}

// A refusal with its place: "FILE:LINE:COLUMN: why", where FILE is one of the sources. `given` is
// the file of what has no place of its own.
nlohmann::ordered_json AsJson(const base::Error& error, const std::vector<policy::Source>& sources,
                              const std::string& given) {
  std::string file = given;
  std::string_view rest = error.message();
  std::optional<std::size_t> line;
  std::optional<std::size_t> column;
  std::string_view why = rest;
  for (const policy::Source& source : sources) {
    const std::string shown = base::ForDisplay(source.file);
    if (!rest.starts_with(shown) || !rest.substr(shown.size()).starts_with(':')) {
      continue;
    }
    std::string_view behind = rest.substr(shown.size() + 1);
    file = source.file;
    line = TakeNumber(behind);
    column = line ? TakeNumber(behind) : std::nullopt;
    why = behind.substr(std::min(behind.find_first_not_of(' '), behind.size()));
  }
  return {{"file", file}, {"line", OrNull(line)}, {"column", OrNull(column)}, {"message", why}};
}

using Sources = std::vector<policy::Source>;

base::Result<policy::PolicySet> Load(const Places& places, const base::Result<Sources>& sources) {
  if (!sources) {
    return base::Fail(sources.error());
  }
  AEGIS_ASSIGN(const auto names, PolicyNames("default", places.user_home, std::nullopt));
  AEGIS_ASSIGN(auto policies, LoadPolicies(*sources, names, std::nullopt));
  AEGIS_TRY(RequireGuarded(policies, places.home.path()));
  return policies;
}

// With --json a refusal is an answer, and stands on standard output.
base::Result<int> Answer(Context& context, const std::string& file,
                         const base::Result<Sources>& sources,
                         const base::Result<policy::PolicySet>& policies) {
  if (!policies) {
    PrintJson(
        context.out,
        {{"valid", false}, {"error", AsJson(policies.error(), sources.value_or(Sources()), file)}});
    return 1;
  }
  PrintJson(context.out, {{"valid", true},
                          {"digest", policies->digest()},
                          {"files", FileRows(*sources)},
                          {"policies", PolicyRows(policies->policies())}});
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const auto file, Either(args, "FILE", "--path"));
  if (!file) {
    return context.Usage("which file?");
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  const auto sources = ReadSources({*file});
  const auto policies = Load(places, sources);
  if (args.Has("--json")) {
    return Answer(context, base::EscapeName(*file), sources, policies);
  }
  if (!policies) {
    return base::Fail(policies.error());
  }
  if (!context.quiet) {
    context.out.Line(base::ForDisplay(base::EscapeName(*file)) + ": valid, " +
                     Policies(policies->policies().size()));
  }
  return 0;
}

}  // namespace

const Command kPolicyValidateCommand = {
    .name = "policy validate",
    .summary = "Check a policy file",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "The error names file, line and column. `~` and `@dir` mean your home directory and where\n"
        "you are. With --json an error is an answer too, and the exit code is 1 all the same.\n",
    .run = Run,
};

}  // namespace aegis::cli
