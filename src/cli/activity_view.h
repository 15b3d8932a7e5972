#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/activity.h"

// What was added up, for programs and for people. Texts are as the ledger has them: show them
// through base::ForDisplay.
namespace aegis::cli {

// {NAME: name, "permitted": 1, "denied": 0, "let_through": 0} for each row.
nlohmann::ordered_json RowsJson(std::string_view name,
                                const std::vector<Tally<std::string>::Row>& rows);
// The same of programs, with "began".
nlohmann::ordered_json ProgramsJson(const std::vector<Tally<std::string>::Row>& rows);
// The same of hosts, with "opaque".
nlohmann::ordered_json HostsJson(const std::vector<Tally<std::string>::Row>& rows);
nlohmann::ordered_json DenialsJson(const std::vector<Tally<Denial>::Row>& rows);

// "2 began, 12 permitted, 1 denied, 3 opaque: can carry anything"; what is 0 is left out.
std::string FatesText(const Fates& fates);
// "FileWrite /etc/x  NO_PERMIT", and by which policies.
std::string DenialText(const Denial& denial);

}  // namespace aegis::cli
