#include "cli/report_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/activity.h"
#include "cli/activity_view.h"
#include "cli/json.h"
#include "cli/report_data.h"
#include "cli/session_level.h"
#include "cli/sessions.h"
#include "cli/text.h"
#include "cli/verification.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

using nlohmann::ordered_json;

ordered_json TimeOrNull(const std::optional<std::int64_t>& unix_ms) {
  return unix_ms ? ordered_json(FormatTime(*unix_ms)) : ordered_json(nullptr);
}

ordered_json ScopeJson(const ReportScope& scope) {
  return {{"from", TimeOrNull(scope.from_ms)},
          {"to", TimeOrNull(scope.to_ms)},
          {"last", OrNull(scope.last)},
          {"session_id", OrNull(scope.session_id)}};
}

ordered_json SumJson(const Fates& sum) {
  return {{"total", sum.total()},
          {"permitted", sum.permitted},
          {"denied", sum.denied},
          {"let_through", sum.let_through}};
}

ordered_json Rows(std::string_view name, const Tally<std::string>& tally,
                  std::uint64_t (Fates::*value)() const) {
  return RowsJson(name, tally.Top(SIZE_MAX, value));
}

ordered_json PoliciesJson(const ReportData& data) {
  ordered_json array = ordered_json::array();
  for (const auto& [digest, use] : data.policies) {
    array.push_back({{"digest", digest}, {"sessions", use.sessions}, {"files", use.files}});
  }
  return array;
}

ordered_json SessionsJson(const ReportData& data) {
  ordered_json array = ordered_json::array();
  for (const ledger::SessionInfo& info : data.sessions) {
    array.push_back(SessionJson(info, LevelOf(data.levels, info)));
  }
  return array;
}

ordered_json SecretsJson(const ReportData& data) {
  ordered_json array = ordered_json::array();
  for (const auto& [access, fates] : data.secrets.Top(SIZE_MAX, &Fates::total)) {
    array.push_back({{"action", access.action},
                     {"resource", access.resource},
                     {"permitted", fates.permitted},
                     {"denied", fates.denied},
                     {"let_through", fates.let_through}});
  }
  return array;
}

ordered_json GapsJson(const ReportData& data) {
  ordered_json array = ordered_json::array();
  for (const Gap& gap : GapsOf(data)) {
    array.push_back({{"kind", gap.kind}, {"count", gap.count}, {"text", gap.text}});
  }
  return array;
}

}  // namespace

ordered_json ReportJson(const ReportData& data) {
  const Activity& activity = data.activity;
  return {{"config", data.config},
          {"made", FormatTime(data.made_ms)},
          {"scope", ScopeJson(data.scope)},
          {"entries", data.entries},
          {"actions", SumJson(activity.actions.Sum())},
          {"gaps", GapsJson(data)},
          {"sessions", SessionsJson(data)},
          {"policies", PoliciesJson(data)},
          {"by_action", Rows("action", activity.actions, &Fates::total)},
          {"denied_by_policy", Rows("policy", activity.denying_policies, &Fates::refusals)},
          {"denied_by_resource", Rows("resource", activity.denied_resources, &Fates::refusals)},
          {"denials", DenialsJson(activity.denials.Top(SIZE_MAX, &Fates::refusals))},
          {"secrets", SecretsJson(data)},
          {"programs", ProgramsJson(activity.Programs(SIZE_MAX))},
          {"hosts", HostsJson(activity.hosts.Top(SIZE_MAX, &Fates::total))},
          {"tools", Rows("tool", activity.tools, &Fates::total)},
          {"integrity", VerificationJson(data.verification)}};
}

}  // namespace aegis::cli
