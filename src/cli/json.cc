#include "cli/json.h"

#include <nlohmann/json.hpp>
#include <string>

#include "cli/output.h"
#include "cli/text.h"

namespace aegis::cli {

std::string JsonText(const nlohmann::ordered_json& document) {
  constexpr int kIndent = 2;
  return HarmlessJson(
      document.dump(kIndent, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
}

void PrintJson(Output& out, const nlohmann::ordered_json& document) {
  out.Line(JsonText(document));
}

}  // namespace aegis::cli
