#include "cli/judged_sessions.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "advice/question.h"
#include "advice/set_diff.h"
#include "base/result.h"
#include "cli/recorded.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

// What neither set looks at makes no difference between two questions.
void Forget(advice::Question& question, const policy::PolicySet& a, const policy::PolicySet& b) {
  const policy::PolicySet::Reads by_a = a.reads(question.action);
  const policy::PolicySet::Reads by_b = b.reads(question.action);
  if (!by_a.pid && !by_b.pid) {
    question.pid = 0;
  }
  if (!by_a.exe && !by_b.exe) {
    question.exe.clear();
  }
  if (!by_a.argv && !by_b.argv) {
    question.argv.clear();
  }
}

struct ByContent {
  bool operator()(const advice::Question& a, const advice::Question& b) const {
    const auto key = [](const advice::Question& one) {
      return std::tie(one.action, one.resource, one.pid, one.exe, one.argv, one.host, one.port,
                      one.protocol);
    };
    return key(a) < key(b);
  }
};

using Counts = std::map<advice::Question, std::uint64_t, ByContent>;

base::Result<std::vector<std::string>> Choose(ledger::Ledger& ledger, const SessionChoice& choice) {
  if (choice.id) {
    AEGIS_ASSIGN(const auto info, ledger.FindSession(*choice.id));
    return std::vector<std::string>{info.session.session_id};
  }
  std::vector<std::string> ids;
  AEGIS_TRY(
      ledger.Sessions(choice.last, [&](const ledger::SessionInfo& info) -> base::Result<bool> {
        ids.push_back(info.session.session_id);
        return true;
      }));
  return ids;
}

void Judge(const Counts& counts, const policy::PolicySet& a, const policy::PolicySet& b,
           JudgedSessions& judged) {
  judged.distinct = counts.size();
  for (const auto& [question, count] : counts) {
    const policy::Outcome by_a = a.Evaluate(question.Request()).outcome;
    const policy::Outcome by_b = b.Evaluate(question.Request()).outcome;
    if (!advice::Alike(by_a, by_b)) {
      judged.differing.push_back({.action = std::string(policy::ActionName(question.action)),
                                  .resource = question.resource,
                                  .a = by_a,
                                  .b = by_b,
                                  .count = count});
    }
  }
  std::ranges::stable_sort(judged.differing, std::greater(), &JudgedAction::count);
}

}  // namespace

base::Result<JudgedSessions> JudgeSessions(ledger::Ledger& ledger, const SessionChoice& choice,
                                           const policy::PolicySet& a, const policy::PolicySet& b) {
  JudgedSessions judged;
  AEGIS_ASSIGN(judged.sessions, Choose(ledger, choice));
  Counts counts;
  const ledger::EntryVisitor take = [&](const ledger::EntryView& entry) -> base::Result<bool> {
    if (!ledger::HasDecision(entry.event_type)) {
      return true;
    }
    auto recorded = DecisionOf(entry);
    if (!recorded) {
      return true;  // erased, or of another version
    }
    ++judged.actions;
    Forget(recorded->question, a, b);
    ++counts[std::move(recorded->question)];
    if (counts.size() > choice.most_distinct) {
      return base::Fail(base::Errc::kExhausted, "more than " +
                                                    std::to_string(choice.most_distinct) +
                                                    " distinct actions: compare fewer sessions");
    }
    return true;
  };
  for (const std::string& id : judged.sessions) {
    ledger::QueryFilter filter;
    filter.session_id = id;
    AEGIS_TRY(ledger.Query(filter, take));
  }
  Judge(counts, a, b, judged);
  return judged;
}

}  // namespace aegis::cli
