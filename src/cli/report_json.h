#pragma once

#include <nlohmann/json.hpp>

#include "cli/report_data.h"

namespace aegis::cli {

// api/report.schema.json. All that was counted by name, the most frequent first.
nlohmann::ordered_json ReportJson(const ReportData& data);

}  // namespace aegis::cli
