#include "cli/session_detail.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "cli/activity.h"
#include "cli/activity_view.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session_level.h"
#include "cli/sessions.h"
#include "cli/text.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kColumn = 15;
constexpr std::size_t kMostShown = 10;
constexpr std::size_t kAll = SIZE_MAX;

void Take(SessionDetail& detail, const ledger::EntryView& entry) {
  if (entry.seq == 0) {
    detail.level = LevelIn(entry);
  }
  if (const auto decided = DecidedIn(entry)) {
    detail.activity.Add(*decided);
  } else if (entry.erased) {
    return;
  } else if (entry.event_type == ledger::kSessionStarted) {
    detail.policies = TextsMember(entry.payload, "policies");
    detail.env_dropped = TextsMember(entry.payload, "env_dropped");
    detail.published_ports = TextsMember(entry.payload, "published_ports");
  } else if (entry.event_type == ledger::kSessionEnded) {
    detail.ending = canon::StringMember(entry.payload, "detail").value_or(std::string());
    detail.published_connections = canon::IntegerMember(entry.payload, "published_connections");
  } else {
    detail.activity.AddBegun(BegunIn(entry));
  }
}

// The tag that it began with is the first.
std::vector<ledger::Tagging> TagsOf(const ledger::SessionInfo& info,
                                    const ledger::Taggings& taggings) {
  const ledger::Session& session = info.session;
  std::vector<ledger::Tagging> tags;
  if (session.tag && !session.tag->empty()) {
    tags.push_back({.tag = *session.tag,
                    .recorded_by = session.session_id,
                    .user_id = session.user_id,
                    .ts_unix_ms = session.started_ms});
  }
  if (const auto given = taggings.find(session.session_id); given != taggings.end()) {
    tags.insert(tags.end(), given->second.begin(), given->second.end());
  }
  return tags;
}

ordered_json TagsJson(const std::vector<ledger::Tagging>& tags) {
  ordered_json array = ordered_json::array();
  for (const ledger::Tagging& tagging : tags) {
    array.push_back({{"tag", tagging.tag},
                     {"time", FormatTime(tagging.ts_unix_ms)},
                     {"user_id", tagging.user_id}});
  }
  return array;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) {
    joined.append(joined.empty() ? "" : ", ").append(text);
  }
  return joined;
}

void PrintMember(Output& out, std::string_view key, const std::string& value) {
  if (!value.empty()) {
    out.Line(Padded(std::string(key), kColumn) + base::ForDisplay(value));
  }
}

// "127.0.0.1:8080:3000 (7 connections)".
std::string PublishedText(const SessionDetail& detail) {
  const auto& connections = detail.published_connections;
  return Joined(detail.published_ports) +
         (connections ? " (" + Count(static_cast<std::uint64_t>(*connections), "connection") + ")"
                      : "");
}

void PrintSection(Output& out, std::string_view title, const std::vector<std::string>& lines,
                  std::size_t left_out) {
  if (lines.empty()) {
    return;
  }
  out.Line(out.Strong(title));
  for (const std::string& line : lines) {
    out.Line("  " + base::ForDisplay(line));
  }
  if (left_out > 0) {
    out.Line("  and " + std::to_string(left_out) + " more");
  }
}

void PrintRows(Output& out, std::string_view title,
               const std::vector<Tally<std::string>::Row>& rows, std::size_t all) {
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (const auto& [name, fates] : rows) {
    lines.push_back(name + "  " + FatesText(fates));
  }
  PrintSection(out, title, lines, all - lines.size());
}

void PrintTally(Output& out, std::string_view title, const Tally<std::string>& tally,
                std::size_t most) {
  PrintRows(out, title, tally.Top(most, &Fates::total), tally.rows().size());
}

void PrintDenials(Output& out, const Tally<Denial>& denials) {
  std::vector<std::string> lines;
  for (const auto& [denial, fates] : denials.Top(kMostShown, &Fates::total)) {
    lines.push_back(DenialText(denial) + "  " + FatesText(fates));
  }
  PrintSection(out, "denials", lines, denials.rows().size() - lines.size());
}

}  // namespace

std::vector<std::string> TextsMember(std::string_view payload, std::string_view key) {
  const auto raw = canon::Member(payload, key);
  const auto array = ordered_json::parse(raw.value_or("[]"), nullptr, false);
  std::vector<std::string> texts;
  for (const auto& element : array.is_array() ? array : ordered_json::array()) {
    if (element.is_string()) {
      texts.push_back(element.get<std::string>());
    }
  }
  return texts;
}

base::Result<SessionDetail> ReadSession(ledger::Ledger& ledger, const ledger::SessionInfo& info,
                                        std::size_t most_names) {
  AEGIS_ASSIGN(const ledger::Taggings taggings, ledger.ReadTags());
  SessionDetail detail{
      .info = info, .tags = TagsOf(info, taggings), .activity = Activity(most_names)};
  ledger::QueryFilter filter;
  filter.session_id = info.session.session_id;
  AEGIS_TRY(ledger.Query(filter, [&detail](const ledger::EntryView& entry) -> base::Result<bool> {
    Take(detail, entry);
    return true;
  }));
  return detail;
}

ordered_json DetailJson(const SessionDetail& detail) {
  const Activity& activity = detail.activity;
  ordered_json document = SessionJson(detail.info, detail.level);
  document["erased"] = detail.info.session.erased;
  document["ending"] = detail.ending;
  document["policies"] = detail.policies;
  document["env_dropped"] = detail.env_dropped;
  document["published_ports"] = detail.published_ports;
  document["published_connections"] = OrNull(detail.published_connections);
  document["tags"] = TagsJson(detail.tags);
  document["by_action"] = RowsJson("action", activity.actions.Top(kAll, &Fates::total));
  document["denied"] = DenialsJson(activity.denials.Top(kAll, &Fates::total));
  document["programs"] = ProgramsJson(activity.Programs(kAll));
  document["hosts"] = HostsJson(activity.hosts.Top(kAll, &Fates::total));
  document["files"] = {{"read", activity.read.rows().size()},
                       {"written", activity.written.rows().size()},
                       {"deleted", activity.deleted.rows().size()}};
  return document;
}

void PrintDetail(Output& out, const SessionDetail& detail) {
  const ordered_json session = SessionJson(detail.info, detail.level);
  for (const auto& [key, value] : session.items()) {
    if (!value.is_null() && !key.starts_with("level")) {
      PrintMember(out, key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  PrintMember(out, "ending", detail.ending);
  PrintMember(out, "policies", Joined(detail.policies));
  PrintMember(out, "env_dropped", Joined(detail.env_dropped));
  PrintMember(out, "published", PublishedText(detail));
  PrintMember(out, "level", LevelText(detail.level));
  if (detail.info.session.erased > 0) {
    PrintMember(out, "erased", std::to_string(detail.info.session.erased) + " entries");
  }
  std::vector<std::string> tags;
  tags.reserve(detail.tags.size());
  for (const ledger::Tagging& tagging : detail.tags) {
    tags.push_back(FormatTime(tagging.ts_unix_ms) + "  " + tagging.user_id + "  " +
                   (tagging.tag.empty() ? "(no tag)" : tagging.tag));
  }
  if (detail.tags.size() > 1 || detail.info.tag != detail.info.session.tag) {
    PrintSection(out, "tags", tags, 0);
  }
  PrintTally(out, "actions", detail.activity.actions, kAll);
  PrintDenials(out, detail.activity.denials);
  PrintRows(out, "programs", detail.activity.Programs(kMostShown),
            detail.activity.programs.rows().size());
  PrintTally(out, "hosts", detail.activity.hosts, kMostShown);
}

}  // namespace aegis::cli
