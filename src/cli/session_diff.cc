#include "cli/session_diff.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/activity.h"
#include "cli/output.h"
#include "cli/session_detail.h"
#include "cli/sessions.h"
#include "cli/text.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kColumn = 16;

struct Kind {
  std::string_view what;
  Tally<std::string> Activity::* tally;
};
constexpr auto kKinds = std::to_array<Kind>({
    {"files read", &Activity::read},
    {"files written", &Activity::written},
    {"files deleted", &Activity::deleted},
    {"programs", &Activity::programs},
    {"hosts", &Activity::hosts},
    {"tools", &Activity::tools},
});

// Sorted, as the tally is. A program must have begun.
std::vector<std::string> Done(const Activity& activity, Tally<std::string> Activity::* which) {
  const Tally<std::string>& tally = activity.*which;
  const bool programs = &tally == &activity.programs;
  std::vector<std::string> names;
  for (const auto& [name, fates] : tally.rows()) {
    if ((programs ? fates.began : fates.done()) > 0) {
      names.push_back(name);
    }
  }
  return names;
}

// Which policy said so is no difference if the answer was the same.
std::vector<std::string> Denials(const Activity& activity) {
  std::vector<std::string> names;
  for (const auto& [denial, fates] : activity.denials.rows()) {
    names.push_back(denial.action + " " + denial.resource + "  " + denial.reason);
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

SessionDiff::Names CompareNames(std::string_view what, const std::vector<std::string>& first,
                                const std::vector<std::string>& second) {
  SessionDiff::Names names{.what = what, .first = first.size(), .second = second.size()};
  std::ranges::set_difference(first, second, std::back_inserter(names.only_first));
  std::ranges::set_difference(second, first, std::back_inserter(names.only_second));
  return names;
}

void AddFact(SessionDiff& diff, std::string_view what, std::string first, std::string second) {
  if (first != second) {
    diff.facts.push_back({.what = what, .first = std::move(first), .second = std::move(second)});
  }
}

// The name up to its `depth`-th component, that one included.
std::string_view Cut(std::string_view name, std::size_t depth) {
  std::size_t at = 0;
  for (std::size_t i = 0; i <= depth; ++i) {
    at = name.find('/', at + (i == 0 ? 0 : 1));
    if (at == std::string_view::npos) {
      return name;
    }
  }
  return name.substr(0, at + 1);
}

std::vector<Collapsed> CutAll(const std::vector<std::string>& names, std::size_t depth) {
  std::vector<Collapsed> cut;
  for (const std::string& name : names) {
    const std::string_view front = name.starts_with('/') ? Cut(name, depth) : name;
    if (!cut.empty() && cut.back().name == front) {
      ++cut.back().count;
    } else {
      cut.push_back({.name = std::string(front)});
    }
  }
  // What stands alone is shown whole.
  std::size_t at = 0;
  for (Collapsed& line : cut) {
    if (line.count == 1) {
      line.name = names[at];
    }
    at += line.count;
  }
  return cut;
}

void PrintSide(Output& out, std::string_view sign, const std::vector<std::string>& names,
               std::size_t most) {
  for (const Collapsed& line : Collapse(names, most)) {
    const std::string text = "  " + std::string(sign) + " " + base::ForDisplay(line.name) +
                             (line.count > 1 ? " (" + std::to_string(line.count) + ")" : "");
    out.Line(sign == "<" ? out.Bad(text) : out.Good(text));
  }
}

}  // namespace

std::vector<Collapsed> Collapse(const std::vector<std::string>& names, std::size_t most) {
  constexpr std::size_t kDeepest = 32;
  std::vector<Collapsed> whole;
  if (names.size() <= most) {
    for (const std::string& name : names) {
      whole.push_back({.name = name});
    }
    return whole;
  }
  for (std::size_t depth = kDeepest; depth > 1; --depth) {
    std::vector<Collapsed> cut = CutAll(names, depth);
    if (cut.size() <= most) {
      return cut;
    }
  }
  return CutAll(names, 1);
}

bool SessionDiff::equal() const {
  return facts.empty() && std::ranges::all_of(names, [](const Names& kind) {
           return kind.only_first.empty() && kind.only_second.empty();
         });
}

SessionDiff Compare(const SessionDetail& first, const SessionDetail& second) {
  const ledger::Session& a = first.info.session;
  const ledger::Session& b = second.info.session;
  SessionDiff diff;
  AddFact(diff, "mode", a.mode.value_or(""), b.mode.value_or(""));
  AddFact(diff, "command", a.argv.value_or(""), b.argv.value_or(""));
  AddFact(diff, "policy digest", a.policy_digest.value_or(""), b.policy_digest.value_or(""));
  AddFact(diff, "level", first.level.name, second.level.name);
  AddFact(diff, "end", HowItEnded(first.info), HowItEnded(second.info));
  for (const Kind& kind : kKinds) {
    diff.names.push_back(CompareNames(kind.what, Done(first.activity, kind.tally),
                                      Done(second.activity, kind.tally)));
  }
  diff.names.push_back(CompareNames("denials", Denials(first.activity), Denials(second.activity)));
  return diff;
}

ordered_json DiffJson(const SessionDetail& first, const SessionDetail& second,
                      const SessionDiff& diff) {
  ordered_json facts = ordered_json::array();
  for (const SessionDiff::Fact& fact : diff.facts) {
    facts.push_back({{"what", fact.what}, {"first", fact.first}, {"second", fact.second}});
  }
  ordered_json names = ordered_json::array();
  for (const SessionDiff::Names& kind : diff.names) {
    names.push_back({{"what", kind.what},
                     {"first", kind.first},
                     {"second", kind.second},
                     {"only_first", kind.only_first},
                     {"only_second", kind.only_second}});
  }
  return {{"equal", diff.equal()},
          {"first", SessionJson(first.info, first.level)},
          {"second", SessionJson(second.info, second.level)},
          {"facts", facts},
          {"names", names}};
}

void PrintDiff(Output& out, const SessionDetail& first, const SessionDetail& second,
               const SessionDiff& diff, std::size_t most) {
  out.Line("< " + SessionLine(first.info, first.level));
  out.Line("> " + SessionLine(second.info, second.level));
  for (const SessionDiff::Fact& fact : diff.facts) {
    out.Line(std::string(fact.what));
    PrintSide(out, "<", {fact.first}, most);
    PrintSide(out, ">", {fact.second}, most);
  }
  for (const SessionDiff::Names& kind : diff.names) {
    if (kind.first + kind.second == 0) {
      continue;
    }
    out.Line(Padded(std::string(kind.what), kColumn) + std::to_string(kind.first) + " | " +
             std::to_string(kind.second));
    PrintSide(out, "<", kind.only_first, most);
    PrintSide(out, ">", kind.only_second, most);
  }
  if (diff.equal()) {
    out.Line("no difference");
  }
}

}  // namespace aegis::cli
