#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/policies.h"
#include "cli/policy_difference.h"
#include "cli/stored_policies.h"
#include "cli/text.h"
#include "ledger/ledger.h"
#include "ledger/policy_history.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;
using nlohmann::ordered_json;

constexpr std::array<Option, 5> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-n,--last", Kind::kNumber, "N", "So many of the latest changes (default: 10)"},
    {"--show", Kind::kText, "DIGEST", "Print a set's files; the beginning of its digest will do"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis audit policy-history work", "What was in force when, and what each change changed."},
    {"aegis audit policy-history work --show 3f9a", "The very texts that were in force then."},
}};

constexpr std::uint64_t kUsualLast = 10;
constexpr std::size_t kMostNames = 5;  // of a kind of change

// A change of the policies, with what is known of both sets.
struct Shown {
  ledger::PolicyStep step;
  bool stored = false;
  std::optional<PolicyDifference> difference;  // if both are here, or it is the first
};

base::Result<std::optional<ledger::StoredPolicySet>> Texts(ledger::Ledger& ledger,
                                                           const std::string& digest) {
  AEGIS_ASSIGN(const std::unique_ptr<ledger::Snapshot> snapshot, ledger.store().OpenSnapshot());
  AEGIS_ASSIGN(auto set, snapshot->FindPolicySet(digest));
  if (set && (set->absent() || !IsIntact(*set))) {
    set.reset();
  }
  return set;
}

base::Result<Shown> Describe(ledger::Ledger& ledger, ledger::PolicyStep step,
                             const LoadSources& load) {
  Shown shown{.step = std::move(step), .difference = {}};
  AEGIS_ASSIGN(const auto now, Texts(ledger, shown.step.digest));
  AEGIS_ASSIGN(const auto before, Texts(ledger, shown.step.previous));
  shown.stored = now.has_value();
  if (now && (before || shown.step.previous.empty())) {
    shown.difference = Compare(before.value_or(ledger::StoredPolicySet()), *now, load);
  }
  return shown;
}

ordered_json ChangesJson(const Changes& changes) {
  return {{"added", changes.added}, {"removed", changes.removed}, {"changed", changes.changed}};
}

ordered_json AsJson(const Shown& shown) {
  const ledger::PolicyStep& step = shown.step;
  const auto& difference = shown.difference;
  return {{"since", FormatTime(step.since_ms)},
          {"session_id", step.session_id},
          {"live", step.live},
          {"digest", step.digest},
          {"previous", step.previous.empty() ? ordered_json(nullptr) : ordered_json(step.previous)},
          {"sessions", step.sessions},
          {"outside", step.outside.empty() ? ordered_json(nullptr) : ordered_json(step.outside)},
          {"stored", shown.stored},
          {"files", difference ? ChangesJson(difference->files) : ordered_json(nullptr)},
          {"policies", difference && difference->policies ? ChangesJson(*difference->policies)
                                                          : ordered_json(nullptr)}};
}

void PrintChanges(Output& out, std::string_view what, const Changes& changes) {
  const auto print = [&](std::string_view sign, const std::vector<std::string>& names) {
    for (const std::string& name : names | std::views::take(kMostNames)) {
      out.Line("    " + std::string(sign) + " " + std::string(what) + " " + base::ForDisplay(name));
    }
    if (names.size() > kMostNames) {
      out.Line("    " + std::string(sign) + " and " + std::to_string(names.size() - kMostNames) +
               " more (see --json, or: aegis policy diff)");
    }
  };
  print("+", changes.added);
  print("-", changes.removed);
  print("~", changes.changed);
}

void Print(Output& out, const Shown& shown) {
  const ledger::PolicyStep& step = shown.step;
  out.Line(FormatTime(step.since_ms) + "  " +
           out.Strong(base::ForDisplay(step.digest.substr(0, kDigestDigits))) + "  session " +
           base::ForDisplay(step.session_id) + (step.live ? "  edited while it ran" : "") +
           (step.sessions == 0 ? "" : "  " + Count(step.sessions, "session")));
  if (!shown.stored) {
    out.Line(
        "    " +
        out.Faint(
            "(its texts are not in this ledger, or no longer those of then: aegis audit verify)"));
  } else if (!shown.difference) {
    out.Line("    " +
             out.Faint("(the texts before are not in this ledger, or no longer those of then)"));
  } else if (!step.previous.empty() && shown.difference->policies) {
    PrintChanges(out, "file", shown.difference->files);
    PrintChanges(out, "policy", *shown.difference->policies);
  } else {
    PrintChanges(out, "file", shown.difference->files);
  }
  if (!step.outside.empty()) {
    out.Line("    " + out.Faint("permits what that session could not reach: " +
                                base::ForDisplay(step.outside)));
  }
}

// Line by line, as harmless as any text of others; tabs stay.
void PrintText(Output& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    out.Write(base::ForDisplay(text.substr(0, end)));
    if (end < text.size()) {
      out.Write(text.substr(end, 1));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

base::Result<int> Show(Context& context, ledger::Ledger& ledger, const std::string& digest,
                       bool json) {
  AEGIS_ASSIGN(const ledger::StoredPolicySet set, StoredPolicies(ledger, digest));
  auto files = ordered_json::array();
  for (const ledger::PolicyText& file : set.texts) {
    files.push_back({{"file", file.file}, {"text", file.text}});
    if (!json) {
      context.out.Line("// " + base::ForDisplay(file.file));
      PrintText(context.out, file.text);
      context.out.Write(file.text.ends_with('\n') ? "" : "\n");
    }
  }
  if (json) {
    PrintJson(context.out, {{"digest", set.digest}, {"files", files}});
  }
  return 0;
}

base::Result<int> List(Context& context, ledger::Ledger& ledger, const LoadSources& load,
                       std::uint64_t last, bool json) {
  AEGIS_ASSIGN(std::vector<ledger::PolicyStep> steps, ledger::PolicyHistory(ledger));
  const std::size_t skipped = steps.size() - std::min<std::size_t>(steps.size(), last);
  auto document = ordered_json::array();
  for (std::size_t i = skipped; i < steps.size(); ++i) {
    AEGIS_ASSIGN(const Shown shown, Describe(ledger, std::move(steps[i]), load));
    if (json) {
      document.push_back(AsJson(shown));
    } else {
      Print(context.out, shown);
    }
  }
  if (json) {
    PrintJson(context.out, document);
  }
  return 0;
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  const bool json = args.Has("--json");
  if (const auto digest = args.Text("--show")) {
    return Show(context, ledger, *digest, json);
  }
  AEGIS_ASSIGN(const auto names,
               PolicyNames(configuration.name, places.user_home, configuration.dir));
  const LoadSources load = [&](const std::vector<policy::Source>& sources) {
    return LoadPolicies(sources, names, configuration.state_dir);
  };
  return List(context, ledger, load, args.Number("--last").value_or(kUsualLast), json);
}

}  // namespace

const Command kAuditPolicyHistoryCommand = {
    .name = "audit policy-history",
    .summary = "Show how the policies in force changed over time",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "A line for each change, oldest first: since when, the digest of the set, and the session\n"
        "that began under it or went on while the files were edited; below it what was added (+),\n"
        "removed (-) and changed (~). The texts are kept with the ledger; `aegis audit verify`\n"
        "holds them against the digests in its entries.\n",
    .run = Run,
};

}  // namespace aegis::cli
