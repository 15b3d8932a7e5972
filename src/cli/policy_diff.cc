#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/set_diff.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/judged_sessions.h"
#include "cli/policies.h"
#include "cli/policy_diff_report.h"
#include "cli/stored_policies.h"
#include "config/config.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::size_t kMostLines = 40;

constexpr std::array<Option, 7> kOptions = {{
    {"A", Kind::kPositional, "",
     "A configuration, a template, a file or directory of policies, or the digest of policies that "
     "were in force"},
    {"B", Kind::kPositional, "", "The other (default: what the configuration's files say)"},
    {"--config", Kind::kText, "NAME", "The agent, its project and its ledger (default: of A or B)"},
    {"--sessions", Kind::kNumber, "N", "Judge what the last N sessions recorded, too"},
    {"--session", Kind::kText, "ID", "Judge what one session recorded, too: its id or tag"},
    {"--all", Kind::kFlag, "", "Show each line, however many they are"},
    {"--json", Kind::kFlag, "", "As JSON, with each difference"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis policy diff work strict.cedar",
     "What the configuration \"work\" permits that the file doesn't, and the other way round."},
    {"aegis policy diff work project --sessions 10",
     "And what of the last ten sessions would be answered differently."},
    {"aegis policy diff 3f9a --config work",
     "What has changed since policies that were in force once (audit policy-history)."},
}};

// A set to compare.
struct Side {
  std::vector<policy::Source> sources;
  std::optional<config::Configuration> configuration;  // that it is of, if it is
};

// Whether this may be the beginning of a digest: a name of something else goes before it.
bool MayBeDigest(std::string_view given) {
  constexpr std::size_t kShortest = 4;
  constexpr std::size_t kWhole = 64;
  return given.size() >= kShortest && given.size() <= kWhole &&
         given.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

base::Result<Side> FindSide(Context& context, const Places& places, const std::string& given,
                            const std::optional<std::string>& config) {
  if (!given.contains('/') && places.home.Has(given)) {
    AEGIS_ASSIGN(auto configuration, LoadChosen(places, given));
    AEGIS_ASSIGN(auto sources, ConfiguredPolicies(configuration));
    return Side{.sources = std::move(sources), .configuration = std::move(configuration)};
  }
  auto choice = ChoosePolicy(given);
  if (choice) {
    return Side{.sources = std::move(choice->sources), .configuration = std::nullopt};
  }
  if (choice.error().code() != base::Errc::kNotFound || !MayBeDigest(given)) {
    return std::unexpected(choice.error());
  }
  AEGIS_ASSIGN(auto configuration, LoadChosen(places, config));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const auto stored, StoredPolicies(ledger, given));
  return Side{.sources = SourcesOf(stored), .configuration = std::move(configuration)};
}

// The configuration by whose agent and project both are loaded, and whose ledger is asked.
base::Result<std::optional<config::Configuration>> Around(const Places& places, const Args& args,
                                                          const Side& a, const Side& b) {
  const auto given = args.Text("--config");
  if (!given && a.configuration) {
    return a.configuration;
  }
  if (!given && b.configuration) {
    return b.configuration;
  }
  if (given || args.Number("--sessions") || args.Text("--session")) {
    AEGIS_ASSIGN(auto configuration, LoadChosen(places, given));
    return std::optional(std::move(configuration));
  }
  return std::optional<config::Configuration>();
}

base::Result<policy::PolicySet> LoadSide(const Side& side, const policy::Names& names) {
  const std::optional<std::string> state_dir =
      side.configuration ? std::optional(side.configuration->state_dir) : std::nullopt;
  return LoadPolicies(side.sources, names, state_dir);
}

struct SideNames {
  std::string a;
  std::string b;
};

base::Result<int> Diff(Context& context, const Args& args, const SideNames& given) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  const auto config = args.Text("--config");
  AEGIS_ASSIGN(const Side a, FindSide(context, places, given.a, config));
  AEGIS_ASSIGN(const Side b, FindSide(context, places, given.b, config));
  AEGIS_ASSIGN(const auto around, Around(places, args, a, b));
  AEGIS_ASSIGN(const policy::Names names,
               PolicyNames(around ? around->name : "default", places.user_home,
                           around ? around->dir : std::nullopt));
  if (a.configuration && b.configuration &&
      (a.configuration->name != b.configuration->name ||
       a.configuration->dir != b.configuration->dir)) {
    context.Note("both are read as policies of \"" + names.agent + "\" in " +
                 base::ForDisplay(names.dir) + ": what names another agent or @dir may differ");
  }
  AEGIS_ASSIGN(const auto set_a, LoadSide(a, names));
  AEGIS_ASSIGN(const auto set_b, LoadSide(b, names));
  PolicyDiff diff{.rules = RuleChanges(set_a, set_b)};
  AEGIS_ASSIGN(diff.answers, advice::CompareSets(set_a, set_b));
  const SessionChoice choice{.id = args.Text("--session"), .last = args.Number("--sessions")};
  if (choice.id || choice.last) {
    AEGIS_ASSIGN(auto ledger, OpenLedger(context, *around));
    AEGIS_ASSIGN(diff.sessions, JudgeSessions(ledger, choice, set_a, set_b));
  }
  if (args.Has("--json")) {
    nlohmann::ordered_json document = {{"a", {{"name", given.a}, {"digest", set_a.digest()}}},
                                       {"b", {{"name", given.b}, {"digest", set_b.digest()}}}};
    document.update(PolicyDiffJson(diff));
    PrintJson(context.out, document);
  } else {
    PrintPolicyDiff(context.out, diff, args.Has("--all") ? SIZE_MAX : kMostLines);
  }
  return diff.equal() ? 0 : kDifferExit;
}

base::Result<int> Run(Context& context, const Args& args) {
  const auto a = args.Text("A");
  if (!a) {
    return context.Usage("which two? configurations, templates, files, directories or digests");
  }
  if (args.Text("--session") && args.Number("--sessions")) {
    return context.Usage("--session and --sessions exclude each other");
  }
  if (const auto b = args.Text("B")) {
    return Diff(context, args, {.a = *a, .b = *b});
  }
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, args.Text("--config")));
  return Diff(context, args, {.a = *a, .b = configuration.name});
}

}  // namespace

const Command kPolicyDiffCommand = {
    .name = "policy diff",
    .summary = "Show what two sets of policies answer differently",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "First the policies that differ, then the places where answers do: `permit -> none` means\n"
        "that A permits there and B doesn't. PLACE/** is a place with all below it. A place alone\n"
        "goes before a subtree, one with more name groups before one with fewer, a narrower one\n"
        "before a wider; where such an exception is answered alike, it says `both`. What answers\n"
        "depend on beside the resource is named. Links are not followed. Exit code: 0 no\n"
        "difference in what is answered, 1 a difference, 2 it could not be told.\n",
    .failure = kTroubleExit,
    .run = Run,
};

}  // namespace aegis::cli
