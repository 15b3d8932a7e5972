#include "cli/inspection.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "advice/question.h"
#include "decision/decision.h"
#include "policy/inspection.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

bool HasInspection(const advice::Question& question, const decision::Decision& decision) {
  return question.action == policy::Action::kNetConnect && decision.allowed() &&
         policy::ConnectsByName(question.Request().context);
}

}  // namespace

nlohmann::ordered_json InspectionJson(const advice::Question& question,
                                      const decision::Decision& decision) {
  return HasInspection(question, decision)
             ? nlohmann::ordered_json(policy::InspectionName(decision.inspection))
             : nlohmann::ordered_json(nullptr);
}

std::string_view InspectionText(const advice::Question& question,
                                const decision::Decision& decision) {
  if (!HasInspection(question, decision)) {
    return {};
  }
  return decision.inspection == policy::Inspection::kNone
             ? "opaque: can carry anything"
             : "the name is checked: TLS by SNI, HTTP by Host";
}

}  // namespace aegis::cli
