#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/text.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 1> kOptions = {{
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kExamples = {{
    {"aegis list", "All configurations; * marks the active one."},
}};

struct Row {
  std::string name;
  bool active = false;
  std::string path;
  std::optional<std::string> dir;
  std::optional<std::string> error;  // why it can't be used
};

base::Result<std::vector<Row>> Collect(const Places& places) {
  AEGIS_ASSIGN(const auto names, places.home.Names());
  AEGIS_ASSIGN(const auto active, places.home.Active());
  std::vector<Row> rows;
  for (const std::string& name : names) {
    Row row{.name = name,
            .active = active == name,
            .path = base::EscapeName(places.home.StateDir(name)),
            .dir = std::nullopt,
            .error = std::nullopt};
    auto configuration = config::LoadConfiguration(places.home, name, places.user_home);
    if (!configuration) {
      row.error = configuration.error().message();
    } else if (configuration->dir) {
      row.dir = base::EscapeName(*configuration->dir);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void Print(Output& out, const std::vector<Row>& rows) {
  std::size_t width = 0;
  for (const Row& row : rows) {
    width = std::max(width, row.name.size());
  }
  for (const Row& row : rows) {
    const std::string rest = row.error ? "unusable: " + *row.error : row.dir.value_or("");
    std::string line = std::string(row.active ? "* " : "  ") + Padded(row.name, width);
    if (!rest.empty()) {
      line += "  " + base::ForDisplay(rest);
    }
    out.Line(line);
  }
}

base::Result<int> Run(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto rows, Collect(places));
  if (!args.Has("--json")) {
    Print(context.out, rows);
    if (rows.empty()) {
      context.Note("no configuration yet (make one with: aegis init)");
    }
    return 0;
  }
  auto document = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    document.push_back({{"name", row.name},
                        {"active", row.active},
                        {"path", row.path},
                        {"dir", OrNull(row.dir)},
                        {"error", OrNull(row.error)}});
  }
  PrintJson(context.out, document);
  return 0;
}

}  // namespace

const Command kListCommand = {
    .name = "list",
    .summary = "List all configurations",
    .options = kOptions,
    .examples = kExamples,
    .notes = "",
    .run = Run,
};

}  // namespace aegis::cli
