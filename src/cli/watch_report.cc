#include "cli/watch_report.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "cli/json.h"
#include "cli/text.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "ledger/watch_events.h"

namespace aegis::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kShownGaps = 5;

void SayBeginning(Context& context, const WatchTold& told) {
  context.Say("watching " + told.dir + " by " + told.source + ": " + Count(told.names, "name") +
              ", process " + std::to_string(told.pid) + ", session " + told.session_id +
              " (to end it: aegis watch --stop --name " + told.config + ")");
  context.Say(
      "nothing is refused: what happens is recorded, and what the policies would have "
      "denied as such" +
      std::string(told.source == "inotify"
                      ? "; who did it is not known, since inotify does not tell"
                      : ""));
}

void SayEnd(Context& context, const WatchTold& told) {
  std::string changes;
  for (const auto& [kind, count] : told.changes) {
    changes.append(changes.empty() ? "" : ", ").append(std::to_string(count) + " " + kind);
  }
  context.Say("watched " + told.dir + " (" + told.why.value_or("") +
              "): " + Count(told.actions, "action") + ", " + std::to_string(told.denials) +
              " would have been denied; " + (changes.empty() ? "nothing changed" : changes) +
              "; session " + told.session_id + " (see: aegis log " + told.config + ")");
}

// Calls `visit` with the payloads of a session's entries of one type.
template <typename Visit>
base::Result<> ForEach(ledger::Ledger& ledger, const std::string& session_id,
                       std::string_view event_type, const Visit& visit) {
  ledger::QueryFilter filter;
  filter.session_id = session_id;
  filter.event_type = std::string(event_type);
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    const auto payload = ordered_json::parse(entry.payload, nullptr, false);
    if (payload.is_object()) {
      visit(payload);
    }
    return true;
  }));
  return {};
}

}  // namespace

ordered_json WatchJson(const WatchTold& told) {
  return {{"state", told.ended ? "ended" : "watching"},
          {"config", told.config},
          {"pid", told.pid},
          {"session_id", told.session_id},
          {"dir", told.dir},
          {"source", told.source},
          {"names", told.names},
          {"gaps", told.gaps},
          {"first_gaps", told.first_gaps},
          {"actions", told.actions},
          {"denials", told.denials},
          {"changes", told.ended ? ordered_json(told.changes) : ordered_json(nullptr)},
          {"why", OrNull(told.why)}};
}

std::optional<WatchTold> ParseWatch(const ordered_json& document) {
  try {
    WatchTold told;
    told.pid = document.at("pid").get<std::int64_t>();
    told.config = document.at("config").get<std::string>();
    told.session_id = document.at("session_id").get<std::string>();
    told.dir = document.at("dir").get<std::string>();
    told.source = document.at("source").get<std::string>();
    told.names = document.at("names").get<std::uint64_t>();
    told.gaps = document.at("gaps").get<std::uint64_t>();
    told.first_gaps = document.at("first_gaps").get<std::vector<std::string>>();
    return told;
  } catch (const ordered_json::exception&) {
    return std::nullopt;
  }
}

void SayWatch(Context& context, const WatchTold& told) {
  if (context.quiet) {
    return;
  }
  if (told.ended) {
    SayEnd(context, told);
  } else {
    SayBeginning(context, told);
  }
  for (std::size_t i = 0; i < told.first_gaps.size() && i < kShownGaps; ++i) {
    context.Say("not seen: " + told.first_gaps[i]);
  }
  if (told.gaps > kShownGaps) {
    context.Say("not seen: " + std::to_string(told.gaps - kShownGaps) +
                " more (see: aegis audit query " + told.config + " --event WATCH_GAP)");
  }
}

base::Result<WatchTold> ReadWatch(Context& context, const config::Configuration& configuration,
                                  const std::string& session_id) {
  AEGIS_ASSIGN(auto ledger, OpenLedger(context, configuration));
  AEGIS_ASSIGN(const ledger::SessionInfo info, ledger.FindSession(session_id));
  WatchTold told;
  told.ended = true;
  told.config = configuration.name;
  told.session_id = session_id;
  told.dir = info.session.dir.value_or("");
  told.actions = static_cast<std::uint64_t>(info.session.actions);
  told.denials = static_cast<std::uint64_t>(info.session.denials);
  AEGIS_TRY(ForEach(ledger, session_id, ledger::kWatchStarted, [&](const ordered_json& payload) {
    told.source = payload.value("source", "");
  }));
  AEGIS_TRY(ForEach(ledger, session_id, ledger::kSnapshotTaken, [&](const ordered_json& payload) {
    told.names = payload.value("names", std::uint64_t{0});
    told.changes = payload.value("changes", std::map<std::string, std::uint64_t>());
  }));
  AEGIS_TRY(ForEach(ledger, session_id, ledger::kWatchGap, [&](const ordered_json& payload) {
    if (++told.gaps <= kShownGaps) {
      told.first_gaps.push_back(payload.value("resource", "") + ": " + payload.value("detail", ""));
    }
  }));
  AEGIS_TRY(ForEach(ledger, session_id, ledger::kSessionEnded,
                    [&](const ordered_json& payload) { told.why = payload.value("detail", ""); }));
  if (!told.why) {
    return base::Fail(base::Errc::kUnavailable,
                      "the watch died before it could record its end (session " + session_id +
                          "); what it said last is in " +
                          base::EscapeName(configuration.state_dir) + "/watch.log");
  }
  return told;
}

}  // namespace aegis::cli
