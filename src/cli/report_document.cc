#include "cli/report_document.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/activity.h"
#include "cli/report_data.h"
#include "cli/session_level.h"
#include "cli/sessions.h"
#include "cli/text.h"
#include "cli/verification.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using Row = std::vector<std::string>;
using Columns = std::vector<ReportSection::Column>;

constexpr std::size_t kDigestShown = 12;

std::string Number(std::uint64_t number) { return std::to_string(number); }

// One of the figures of a name.
struct Figure {
  const char* title;
  std::uint64_t Fates::* count;
};
constexpr Figure kBegan{"began", &Fates::began};
constexpr auto kFigures = std::to_array<Figure>({{"permitted", &Fates::permitted},
                                                 {"denied", &Fates::denied},
                                                 {"let through", &Fates::let_through}});

// The rows that fit, and how many do not.
class Filler {
 public:
  Filler(ReportDocument& document, std::size_t most) : document_(document), most_(most) {}

  void Add(ReportSection section) {
    if (section.rows.empty()) {
      return;
    }
    if (section.rows.size() > most_) {
      section.left_out += section.rows.size() - most_;
      section.rows.resize(most_);
    }
    document_.sections.push_back(std::move(section));
  }

  // A tally, the most frequent first.
  template <typename Name, typename Cells>
  void AddTally(ReportSection section, const Tally<Name>& tally, const Cells& cells) {
    AddFigures(std::move(section), tally.Top(SIZE_MAX, &Fates::total), kFigures, cells);
  }
  // Of programs: also whether they ran.
  template <typename Cells>
  void AddPrograms(ReportSection section, const Activity& activity, const Cells& cells) {
    constexpr std::array kAll = {kBegan, kFigures[0], kFigures[1], kFigures[2]};
    AddFigures(std::move(section), activity.Programs(SIZE_MAX), kAll, cells);
  }
  // Of denials: there is nothing that was permitted.
  template <typename Name, typename Cells>
  void AddDenials(ReportSection section, const Tally<Name>& tally, const Cells& cells) {
    AddFigures(std::move(section), tally.Top(SIZE_MAX, &Fates::refusals),
               std::span(kFigures).subspan(1), cells);
  }

 private:
  template <typename Rows, typename Cells>
  void AddFigures(ReportSection section, const Rows& rows, std::span<const Figure> figures,
                  const Cells& cells) {
    for (const Figure& figure : figures) {
      section.columns.push_back({.title = figure.title, .number = true});
    }
    for (const auto& [name, fates] : rows) {
      Row row = cells(name);
      for (const Figure& figure : figures) {
        row.push_back(Number(fates.*figure.count));
      }
      section.rows.push_back(std::move(row));
    }
    Add(std::move(section));
  }

  ReportDocument& document_;
  std::size_t most_;
};

std::string ScopeText(const ReportScope& scope) {
  if (scope.session_id) {
    return "session " + *scope.session_id;
  }
  if (scope.last) {
    return "the latest " + Count(*scope.last, "session");
  }
  std::string text;
  if (scope.from_ms) {
    text = "from " + FormatTime(*scope.from_ms);
  }
  if (scope.to_ms) {
    text += (text.empty() ? "before " : " to ") + FormatTime(*scope.to_ms);
  }
  return text.empty() ? "the whole ledger" : text;
}

ReportSection Summary(const ReportData& data) {
  const Fates sum = data.activity.actions.Sum();
  return {.title = "Summary",
          .columns = {{.title = "", .number = false}, {.title = "", .number = false}},
          .rows = {{"configuration", data.config},
                   {"made", FormatTime(data.made_ms)},
                   {"about", ScopeText(data.scope)},
                   {"sessions", Number(data.sessions.size())},
                   {"entries", Number(data.entries)},
                   {"actions", Number(sum.total())},
                   {"permitted", Number(sum.permitted)},
                   {"denied", Number(sum.denied)},
                   {"let through", Number(sum.let_through)},
                   {"on secrets", Number(data.secrets.Sum().done()) + " done, " +
                                      Number(data.secrets.Sum().denied) + " denied"},
                   {"ledger", Verified(data.verification) ? "valid" : "INVALID"}}};
}

ReportSection Gaps(const ReportData& data) {
  ReportSection section{
      .title = "Gaps and weaker modes",
      .note =
          "What the record lacks, and where less than the policies was in "
          "force.",
      .columns = {{.title = "gap"}, {.title = "count", .number = true}, {.title = ""}}};
  for (const Gap& gap : GapsOf(data)) {
    section.rows.push_back({std::string(gap.kind), Number(gap.count), gap.text});
  }
  if (section.rows.empty()) {
    section.rows.push_back({"none", "", ""});
  }
  return section;
}

ReportSection Sessions(const ReportData& data) {
  ReportSection section{.title = "Sessions",
                        .columns = {{.title = "started"},
                                    {.title = "session"},
                                    {.title = "mode"},
                                    {.title = "level"},
                                    {.title = "end"},
                                    {.title = "actions", .number = true},
                                    {.title = "denied", .number = true},
                                    {.title = "policies"},
                                    {.title = "tag"},
                                    {.title = "command"}}};
  for (auto info = data.sessions.rbegin(); info != data.sessions.rend(); ++info) {
    const ledger::Session& session = info->session;
    section.rows.push_back({FormatTime(session.started_ms), session.session_id,
                            session.mode.value_or("-"), LevelOf(data.levels, *info).name,
                            HowItEnded(*info), std::to_string(session.actions),
                            std::to_string(session.denials),
                            session.policy_digest.value_or("-").substr(0, kDigestShown),
                            info->tag.value_or(""), CommandLine(session)});
  }
  return section;
}

ReportSection Policies(const ReportData& data) {
  ReportSection section{
      .title = "Policies in force",
      .columns = {{.title = "digest"}, {.title = "sessions", .number = true}, {.title = "files"}}};
  for (const auto& [digest, use] : data.policies) {
    std::string files;
    for (const std::string& file : use.files) {
      files.append(files.empty() ? "" : ", ").append(file);
    }
    section.rows.push_back({digest, Number(use.sessions), files});
  }
  return section;
}

// Why sessions recorded in full that were asked for less.
ReportSection FullRecordings(const ReportData& data) {
  std::map<std::string, std::uint64_t> reasons;
  for (const ledger::SessionInfo& info : data.sessions) {
    const SessionLevel level = LevelOf(data.levels, info);
    if (level.name == "full" && !level.detail.empty()) {
      ++reasons[level.detail];
    }
  }
  ReportSection section{.title = "Recorded in full, not at the level writes as asked",
                        .columns = {{.title = "sessions", .number = true}, {.title = "why"}}};
  for (const auto& [reason, sessions] : reasons) {
    section.rows.push_back({Number(sessions), reason});
  }
  return section;
}

// What reads can't be read off the figures.
std::string ReadsNote(const ReportData& data) {
  const std::uint64_t sessions = CountWithoutReads(data);
  return sessions == 0
             ? ""
             : "Without plain reads of " + Count(sessions, "session") +
                   " at the recording level writes: no entry says that they did not read.";
}

void AddActions(Filler& filler, const ReportData& data) {
  const auto itself = [](const std::string& name) { return Row{name}; };
  const auto policy = [](const std::string& id) {
    return Row{id.empty() ? "(no policy permits it)" : id};
  };
  const auto denial = [](const Denial& what) {
    return Row{what.action, what.resource, what.reason};
  };
  const auto access = [](const SecretAccess& what) { return Row{what.action, what.resource}; };
  const Activity& activity = data.activity;
  const auto host = [&activity](const std::string& name) {
    const bool opaque = activity.hosts.rows().at(name).opaque > 0;
    return Row{name, opaque ? "can carry anything" : ""};
  };
  const std::string reads = ReadsNote(data);
  filler.AddTally({.title = "Actions by kind", .note = reads, .columns = {{.title = "action"}}},
                  activity.actions, itself);
  filler.AddDenials({.title = "Denials by policy", .columns = {{.title = "policy"}}},
                    activity.denying_policies, policy);
  filler.AddDenials({.title = "Denials by resource", .columns = {{.title = "resource"}}},
                    activity.denied_resources, itself);
  filler.AddDenials({.title = "Denials",
                     .columns = {{.title = "action"}, {.title = "resource"}, {.title = "reason"}}},
                    activity.denials, denial);
  filler.AddTally({.title = "Secrets touched",
                   .note = reads,
                   .columns = {{.title = "action"}, {.title = "resource"}}},
                  data.secrets, access);
  filler.AddPrograms({.title = "Programs",
                      .note = "What never began was asked for and is no file, or failed.",
                      .columns = {{.title = "program"}}},
                     activity, itself);
  filler.AddTally({.title = "Hosts", .columns = {{.title = "host"}, {.title = "opaque"}}},
                  activity.hosts, host);
  filler.AddTally({.title = "Tools", .columns = {{.title = "tool"}}}, activity.tools, itself);
}

ReportSection Integrity(const ledger::VerifyReport& report) {
  ReportSection section{.title = "Integrity",
                        .note = "Of the whole ledger, verified for this report.",
                        .columns = {{.title = ""}, {.title = ""}},
                        .rows = {{"verdict", Verified(report) ? "valid" : "INVALID"},
                                 {"entries", Number(report.entries)},
                                 {"sessions", Number(report.sessions)},
                                 {"erased", Number(report.erased)},
                                 {"checkpoints", Number(report.checkpoints)},
                                 {"vouched for", Vouched(report)}}};
  for (const ledger::Finding& finding : report.findings.first()) {
    section.rows.push_back({"finding", Describe(finding)});
  }
  for (const ledger::JournalFinding& journal : report.journals) {
    if (IsUndrained(journal)) {
      section.rows.push_back({"unread journal", journal.path + ": " + journal.detail});
    }
  }
  return section;
}

}  // namespace

ReportDocument MakeDocument(const ReportData& data, std::size_t most_rows) {
  ReportDocument document{.title = "Aegis report: " + data.config,
                          .valid = Verified(data.verification)};
  Filler all(document, SIZE_MAX);
  Filler filler(document, most_rows);
  all.Add(Summary(data));
  all.Add(Gaps(data));
  filler.Add(Sessions(data));
  filler.Add(FullRecordings(data));
  filler.Add(Policies(data));
  AddActions(filler, data);
  all.Add(Integrity(data.verification));
  return document;
}

}  // namespace aegis::cli
