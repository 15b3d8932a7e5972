#include "cli/json.h"

#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/text.h"

namespace aegis::cli {

void PrintJson(Output& out, const nlohmann::ordered_json& document) {
  constexpr int kIndent = 2;
  out.Line(HarmlessJson(
      document.dump(kIndent, ' ', true, nlohmann::ordered_json::error_handler_t::replace)));
}

}  // namespace aegis::cli
