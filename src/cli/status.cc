#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
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
#include "cli/masking.h"
#include "cli/output.h"
#include "cli/policies.h"
#include "cli/retention.h"
#include "cli/session_level.h"
#include "cli/sessions.h"
#include "cli/text.h"
#include "cli/witnesses.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "policy/policy.h"
#include "witness/settings.h"
#include "witness/target.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis status work", "Exit code 0 if `aegis run --config work` could start."},
}};

struct LedgerStatus {
  std::uint64_t entries = 0;  // those that running sessions have not stored yet included
  std::uint64_t sessions = 0;
  std::uint64_t running = 0;
  std::optional<ledger::SessionInfo> latest;
  SessionLevel level;  // that of the latest
  ledger::LedgerSize size;
  std::uint64_t bytes_per_day = 0;  // over the last days, or since the first session
};

// Over how many days growth is measured.
constexpr std::int64_t kGrowthDays = 7;

struct Status {
  config::Configuration configuration;
  base::Result<policy::PolicySet> policies;
  base::Result<LedgerStatus> ledger;
  base::Result<witness::Settings> witnesses;
  base::Result<ledger::Masker> masker;

  bool healthy() const {
    return policies.has_value() && ledger.has_value() && witnesses.has_value() &&
           masker.has_value();
  }
};

base::Result<policy::PolicySet> PoliciesOf(const Places& places,
                                           const config::Configuration& configuration) {
  AEGIS_ASSIGN(const auto sources, ConfiguredPolicies(configuration));
  AEGIS_ASSIGN(const auto names,
               PolicyNames(configuration.name, places.user_home, configuration.dir));
  return LoadPolicies(sources, names, configuration.state_dir);
}

// What the young part of the store takes, spread over the days in which it grew: the store has all
// entries, and what it holds of each beside them.
std::uint64_t BytesPerDay(const ledger::LedgerSize& size, std::int64_t first_ms) {
  if (size.stored == 0) {
    return 0;
  }
  std::int64_t days = 1;
  while (days < kGrowthDays && first_ms < DaysAgo(days)) {
    ++days;
  }
  const double share = static_cast<double>(size.recent) / static_cast<double>(size.stored);
  return static_cast<std::uint64_t>(share * static_cast<double>(size.store_bytes) /
                                    static_cast<double>(days));
}

base::Result<LedgerStatus> ReadLedger(Context& context,
                                      const config::Configuration& configuration) {
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  LedgerStatus status;
  std::int64_t first_ms = INT64_MAX;
  AEGIS_TRY(
      ledger.Sessions(std::nullopt, [&](const ledger::SessionInfo& info) -> base::Result<bool> {
        ++status.sessions;
        status.entries += info.session.head_seq + 1;
        status.running += info.state == ledger::SessionState::kRunning ? 1 : 0;
        status.latest = info;
        first_ms = std::min(first_ms, info.session.started_ms);
        return true;
      }));
  if (status.latest) {
    AEGIS_ASSIGN(const SessionLevels levels, ReadLevels(ledger, {&*status.latest, 1}));
    status.level = LevelOf(levels, *status.latest);
  }
  AEGIS_ASSIGN(status.size, ledger::MeasureLedger(ledger, DaysAgo(kGrowthDays)));
  status.bytes_per_day = BytesPerDay(status.size, first_ms);
  return status;
}

template <typename T>
nlohmann::ordered_json ErrorOrNull(const base::Result<T>& result) {
  return result ? nlohmann::ordered_json(nullptr)
                : nlohmann::ordered_json(result.error().message());
}

std::vector<std::string> TargetTexts(const witness::Settings& settings) {
  std::vector<std::string> texts;
  texts.reserve(settings.targets.size());
  for (const witness::Target& target : settings.targets) {
    texts.push_back(base::EscapeName(witness::TargetText(target)));
  }
  return texts;
}

nlohmann::ordered_json AsJson(const Status& status) {
  nlohmann::ordered_json document = {{"name", status.configuration.name},
                                     {"healthy", status.healthy()},
                                     {"path", base::EscapeName(status.configuration.state_dir)},
                                     {"dir", nullptr},
                                     {"policies", nullptr},
                                     {"policy_digest", nullptr},
                                     {"policy_error", ErrorOrNull(status.policies)},
                                     {"entries", nullptr},
                                     {"sessions", nullptr},
                                     {"running", nullptr},
                                     {"latest_session", nullptr},
                                     {"size_bytes", nullptr},
                                     {"entries_last_7_days", nullptr},
                                     {"bytes_per_day", nullptr},
                                     {"max_age_days", OrNull(status.configuration.max_age_days)},
                                     {"ledger_error", ErrorOrNull(status.ledger)},
                                     {"witnesses", nullptr},
                                     {"witness_error", ErrorOrNull(status.witnesses)},
                                     {"masks", status.configuration.masks.size()},
                                     {"mask_error", ErrorOrNull(status.masker)}};
  if (status.configuration.dir) {
    document["dir"] = base::EscapeName(*status.configuration.dir);
  }
  if (status.policies) {
    document["policies"] = status.policies->policies().size();
    document["policy_digest"] = status.policies->digest();
  }
  if (status.witnesses) {
    document["witnesses"] = TargetTexts(*status.witnesses);
  }
  if (status.ledger) {
    document["entries"] = status.ledger->entries;
    document["sessions"] = status.ledger->sessions;
    document["running"] = status.ledger->running;
    document["size_bytes"] = status.ledger->size.store_bytes + status.ledger->size.journal_bytes;
    document["entries_last_7_days"] = status.ledger->size.recent;
    document["bytes_per_day"] = status.ledger->bytes_per_day;
    if (status.ledger->latest) {
      document["latest_session"] = SessionJson(*status.ledger->latest, status.ledger->level);
    }
  }
  return document;
}

void PrintWitnesses(Output& out, const Status& status) {
  if (!status.witnesses) {
    out.Line("witnesses      " + out.Bad("unusable") + "  " +
             base::ForDisplay(status.witnesses.error().message()));
    return;
  }
  std::string texts;
  for (const std::string& text : TargetTexts(*status.witnesses)) {
    texts += (texts.empty() ? "" : ", ") + base::ForDisplay(text);
  }
  out.Line("witnesses      " + (texts.empty() ? "none" : texts));
}

void PrintMasking(Output& out, const Status& status) {
  const std::size_t own = status.configuration.masks.size();
  if (!status.masker) {
    out.Line("masking        " + out.Bad("unusable") + "  " +
             base::ForDisplay(status.masker.error().message()));
  } else if (own > 0) {
    out.Line("masking        known forms of secrets, and " + Count(own, "pattern"));
  }
}

void PrintLedger(Output& out, const Status& status) {
  if (!status.ledger) {
    out.Line("ledger         " + out.Bad("unusable") + "  " +
             base::ForDisplay(status.ledger.error().message()));
    return;
  }
  const LedgerStatus& ledger = *status.ledger;
  out.Line("ledger         " + out.Good("ok") + "  " + std::to_string(ledger.entries) +
           " entries, " + std::to_string(ledger.sessions) + " sessions, " +
           std::to_string(ledger.running) + " running");
  out.Line("size           " + Bytes(ledger.size.store_bytes + ledger.size.journal_bytes) +
           "; in the last " + Count(kGrowthDays, "day") + " " + std::to_string(ledger.size.recent) +
           " entries, about " + Bytes(ledger.bytes_per_day) + " a day");
  if (ledger.latest) {
    out.Line("latest         " + SessionLine(*ledger.latest, ledger.level));
    out.Line("its level      " + base::ForDisplay(LevelText(ledger.level)));
  }
}

void Print(Output& out, const Status& status) {
  const config::Configuration& configuration = status.configuration;
  out.Line("configuration  " + configuration.name + "  " +
           base::ForDisplay(base::EscapeName(configuration.state_dir)));
  out.Line("project        " + (configuration.dir
                                    ? base::ForDisplay(base::EscapeName(*configuration.dir))
                                    : std::string("where the run is started")));
  if (status.policies) {
    out.Line("policies       " + out.Good("ok") + "  " +
             std::to_string(status.policies->policies().size()) + ", digest " +
             status.policies->digest().substr(0, 12));
  } else {
    out.Line("policies       " + out.Bad("unusable") + "  " +
             base::ForDisplay(status.policies.error().message()));
  }
  PrintWitnesses(out, status);
  PrintMasking(out, status);
  out.Line("retention      " +
           (configuration.max_age_days
                ? "content of entries older than " +
                      Count(static_cast<std::uint64_t>(*configuration.max_age_days), "day") +
                      " is erased"
                : std::string("none, nothing is erased")));
  PrintLedger(out, status);
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(auto configuration, LoadChosen(places, name));
  auto policies = PoliciesOf(places, configuration);
  auto ledger = ReadLedger(context, configuration);
  auto witnesses = ChooseWitnesses(places, configuration, {});
  auto masker = ConfiguredMasker(configuration);
  const Status status{.configuration = std::move(configuration),
                      .policies = std::move(policies),
                      .ledger = std::move(ledger),
                      .witnesses = std::move(witnesses),
                      .masker = std::move(masker)};
  if (args.Has("--json")) {
    PrintJson(context.out, AsJson(status));
  } else {
    Print(context.out, status);
  }
  return status.healthy() ? 0 : 1;
}

}  // namespace

const Command kStatusCommand = {
    .name = "status",
    .summary = "Show whether a configuration is fit for use, and what it recorded",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Does not verify the ledger; `aegis audit verify` does. The size is that of audit.db and "
        "of\n"
        "the journals beside it; growth is about what the stored entries of the last 7 days "
        "take.\n",
    .run = Run,
};

}  // namespace aegis::cli
