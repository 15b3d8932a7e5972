#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "advice/question.h"
#include "decision/decision.h"

// What commands that ask about policies say of what passes over a permitted connection.
namespace aegis::cli {

// "name", "none"; null for what is no permitted connection to a host by name.
nlohmann::ordered_json InspectionJson(const advice::Question& question,
                                      const decision::Decision& decision);

// The same in words; empty instead of null.
std::string_view InspectionText(const advice::Question& question,
                                const decision::Decision& decision);

}  // namespace aegis::cli
