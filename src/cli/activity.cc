#include "cli/activity.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canon/canon.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using policy::Action;

// The ids in a canonical JSON array of strings, up to what is none.
std::vector<std::string> Texts(std::string_view raw) {
  std::vector<std::string> texts;
  canon::Cursor cursor(raw);
  for (std::string_view before = "["; cursor.Literal(before); before = ",") {
    std::string_view text;
    if (!cursor.String(&text)) {
      return texts;
    }
    texts.push_back(canon::DecodeString(text).value_or(std::string()));
  }
  return texts;
}

// Under `wrap` a denial is recorded and not enforced.
Fate FateOf(std::string_view decision, std::string_view around) {
  if (decision == R"("allow")") {
    return Fate::kPermitted;
  }
  return canon::Member(around, "enforced") == "false" ? Fate::kLetThrough : Fate::kDenied;
}

// Which tally the resource of an action belongs to.
struct Place {
  Action action;
  Tally<std::string> Activity::* tally;
};
constexpr auto kPlaces = std::to_array<Place>({
    {Action::kFileRead, &Activity::read},
    {Action::kFileWrite, &Activity::written},
    {Action::kDirCreate, &Activity::written},
    {Action::kFileDelete, &Activity::deleted},
    {Action::kProcessSpawn, &Activity::programs},
    {Action::kNetConnect, &Activity::hosts},
    {Action::kToolCall, &Activity::tools},
});

}  // namespace

void Fates::Add(Fate fate) {
  switch (fate) {
    case Fate::kPermitted:
      ++permitted;
      return;
    case Fate::kDenied:
      ++denied;
      return;
    case Fate::kLetThrough:
      ++let_through;
      return;
  }
}

Fates& Fates::operator+=(const Fates& other) {
  permitted += other.permitted;
  denied += other.denied;
  let_through += other.let_through;
  began += other.began;
  opaque += other.opaque;
  return *this;
}

std::optional<Decided> DecidedIn(const ledger::EntryView& entry) {
  if (entry.erased || !ledger::HasDecision(entry.event_type)) {
    return std::nullopt;
  }
  Decided decided;
  std::string_view decision;
  std::string_view around;
  const bool read =
      canon::ForEachMember(entry.payload, [&](std::string_view key, std::string_view raw) {
        const auto take = [&raw](std::string& text) {
          text = canon::DecodeString(raw).value_or(std::string());
        };
        if (key == "action") {
          take(decided.action);
        } else if (key == "resource") {
          take(decided.resource);
        } else if (key == "reason") {
          take(decided.reason);
        } else if (key == "decision") {
          decision = raw;
        } else if (key == "context") {
          around = raw;
        } else if (key == "policies") {
          decided.policies = Texts(raw);
        }
        return true;
      });
  if (!read || decision.empty()) {
    return std::nullopt;
  }
  decided.fate = FateOf(decision, around);
  decided.opaque =
      decided.fate == Fate::kPermitted && canon::Member(around, "inspection") == R"("none")";
  return decided;
}

void Activity::Add(const Decided& decided) {
  actions.Add(decided.action, decided.fate);
  const auto action = policy::ParseAction(decided.action);
  for (const Place& place : kPlaces) {
    if (place.action == action) {
      (this->*place.tally).Add(decided.resource, decided.fate);
    }
  }
  if (decided.opaque && action == Action::kNetConnect) {
    hosts.AddOpaque(decided.resource);
  }
  if (decided.fate != Fate::kPermitted) {
    AddDenial(decided);
  }
}

std::vector<std::string> BegunIn(const ledger::EntryView& entry) {
  if (entry.erased || entry.event_type != ledger::kActionFinished ||
      canon::StringMember(entry.payload, "action") !=
          policy::ActionName(policy::Action::kProcessSpawn)) {
    return {};
  }
  std::vector<std::string> begun;
  if (auto image = canon::StringMember(entry.payload, "resource")) {
    begun.push_back(*std::move(image));
  }
  const auto around = canon::Member(entry.payload, "context");
  if (auto program = around ? canon::StringMember(*around, "target") : std::nullopt) {
    begun.push_back(*std::move(program));
  }
  return begun;
}

void Activity::AddBegun(const std::vector<std::string>& begun) {
  for (const std::string& program : begun) {
    programs.AddBegun(program);
  }
}

std::vector<Tally<std::string>::Row> Activity::Programs(std::size_t count) const {
  auto rows = programs.Top(SIZE_MAX, &Fates::known);
  std::ranges::stable_sort(
      rows, [](const auto& a, const auto& b) { return a.second.began > b.second.began; });
  rows.resize(std::min(count, rows.size()));
  return rows;
}

void Activity::AddDenial(const Decided& decided) {
  denials.Add(Denial{.action = decided.action,
                     .resource = decided.resource,
                     .reason = decided.reason,
                     .policies = decided.policies},
              decided.fate);
  denied_resources.Add(decided.resource, decided.fate);
  if (decided.policies.empty()) {
    denying_policies.Add(std::string_view(), decided.fate);
  }
  for (const std::string& id : decided.policies) {
    denying_policies.Add(id, decided.fate);
  }
}

}  // namespace aegis::cli
