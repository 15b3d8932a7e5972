#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/query_arguments.h"
#include "cli/stop_signals.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 8> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"-n,--last", Kind::kCount, "N", "Begin with the last N that match (default: 0)"},
    kActionOption,
    kDecisionOption,
    kPathOption,
    kSessionOption,
    {"--json", Kind::kFlag, "", "One envelope per line"},
}};

constexpr std::array<Example, 3> kExamples = {{
    {"aegis audit watch work", "What happens now, in all sessions, until Ctrl-C."},
    {"aegis audit watch work --decision deny", "Only what is refused."},
    {"aegis audit watch work --last 20 --path '/srv/**' --json",
     "With what came before, as JSON lines."},
}};

// Shows each entry once, though it may be met twice: in its session's journal, and in the store.
class Watching {
 public:
  Watching(Context& context, ledger::QueryFilter filter, bool json)
      : context_(context), filter_(std::move(filter)), json_(json) {}

  // The last `last` stored entries that match; what comes after them is new.
  base::Result<> Begin(ledger::Ledger& ledger, std::uint64_t last) {
    AEGIS_ASSIGN(position_, ledger.CountStored());
    if (last > 0) {
      ledger::QueryFilter before = filter_;
      before.last = last;
      before.cursor = ledger::QueryCursor{.before = true, .position = position_ + 1};
      AEGIS_TRY(Show(ledger, before));
    }
    return context_.out.Flush();
  }

  // What has come since. True: there may be more.
  base::Result<bool> Page(ledger::Ledger& ledger) {
    constexpr std::uint64_t kPage = 10'000;
    ledger::QueryFilter behind = filter_;
    behind.limit = kPage;
    behind.cursor = ledger::QueryCursor{.position = position_};
    AEGIS_ASSIGN(const ledger::QueryPage page, Show(ledger, behind));
    position_ = page.searched;
    AEGIS_TRY(context_.out.Flush());
    return page.next.has_value();
  }

 private:
  base::Result<ledger::QueryPage> Show(ledger::Ledger& ledger, const ledger::QueryFilter& filter) {
    return ledger.Query(
        filter,
        [this](const ledger::EntryView& entry,
               std::optional<std::uint64_t> position) -> base::Result<bool> {
          if (IsNew(entry, position.has_value())) {
            context_.out.Line(json_ ? EntryJson(entry) : EntryLine(context_.out, entry));
          }
          return true;
        });
  }

  bool IsNew(const ledger::EntryView& entry, bool stored) {
    const auto ahead = ahead_.find(entry.session_id);
    const bool seen = ahead != ahead_.end() && entry.seq <= ahead->second;
    if (!stored && !seen) {
      ahead_.insert_or_assign(std::string(entry.session_id), entry.seq);
    } else if (stored && ahead != ahead_.end() && entry.seq >= ahead->second) {
      ahead_.erase(ahead);
    }
    return !seen;
  }

  Context& context_;
  ledger::QueryFilter filter_;
  bool json_;
  std::uint64_t position_ = 0;  // stored entries up to here are shown
  // Sessions of which entries were shown before they were stored, and the last of these.
  std::map<std::string, std::uint64_t, std::less<>> ahead_;
};

// The ledger is opened anew now and then, which drains the journals of runs that died: nobody else
// may come to do it.
base::Result<> Follow(Context& context, const config::Configuration& configuration,
                      std::optional<ledger::Ledger> ledger, Watching& watching) {
  constexpr auto kPoll = std::chrono::milliseconds(100);
  constexpr int kPollsPerOpening = 100;
  StopSignals signals;
  int polls = 0;
  while (true) {
    AEGIS_ASSIGN(const bool more, watching.Page(*ledger));
    if (signals.Wait(more ? std::chrono::milliseconds(0) : kPoll, context.out.fd())) {
      return {};
    }
    if (++polls % kPollsPerOpening == 0) {
      ledger.reset();
      AEGIS_ASSIGN(ledger, OpenLedger(context, configuration));
    }
  }
}

base::Result<int> Run(Context& context, const Args& args) {
  ledger::QueryFilter filter;
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  if (const auto taken = TakeContentFilter(args, places.user_home, filter); !taken) {
    return context.Usage(taken.error().message());
  }
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  if (const auto session = args.Text("--session")) {
    AEGIS_ASSIGN(const auto found, ledger.FindSession(*session));
    filter.session_id = found.session.session_id;
  }
  Watching watching(context, std::move(filter), args.Has("--json"));
  AEGIS_TRY(watching.Begin(ledger, args.Number("--last").value_or(0)));
  AEGIS_TRY(Follow(context, configuration, std::move(ledger), watching));
  return 0;
}

}  // namespace

const Command kAuditWatchCommand = {
    .name = "audit watch",
    .summary = "Show entries as they come, those that match",
    .options = kOptions,
    .examples = kExamples,
    .notes =
        "Across all sessions, as `aegis log` shows them, with what running sessions have not\n"
        "stored yet. Ends with exit code 0 on SIGINT, SIGTERM, or when nobody reads its output\n"
        "any more.\n",
    .run = Run,
};

}  // namespace aegis::cli
