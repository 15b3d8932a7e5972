#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/json.h"
#include "cli/output.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 3> kOptions = {{
    {"NAME", Kind::kPositional, "", "Configuration (default: the active one)"},
    {"--config", Kind::kText, "NAME", "The same"},
    {"--json", Kind::kFlag, "", "As JSON"},
}};

constexpr std::array<Example, 1> kShowExamples = {{
    {"aegis config show work", "What holds, defaults and absolute paths included, as TOML."},
}};

constexpr std::array<Example, 1> kPathExamples = {{
    {"$EDITOR \"$(aegis config path work)\"", "Edit a configuration."},
}};

nlohmann::ordered_json WitnessJson(const config::Configuration& configuration) {
  const config::WitnessSettings& witness = configuration.witness;
  nlohmann::ordered_json document = {{"targets", witness.targets},
                                     {"keys", witness.keys},
                                     {"ca", nullptr},
                                     {"required", witness.required}};
  if (witness.ca) {
    document["ca"] = base::EscapeName(*witness.ca);
  }
  return document;
}

nlohmann::ordered_json AsJson(const config::Configuration& configuration) {
  std::optional<std::string> dir;
  if (configuration.dir) {
    dir = base::EscapeName(*configuration.dir);
  }
  return {{"name", configuration.name},
          {"dir", OrNull(dir)},
          {"policy_paths", base::EscapeNames(configuration.policy_paths)},
          {"ledger_path", base::EscapeName(configuration.ledger_path)},
          {"sandbox_dir", base::EscapeName(configuration.sandbox_dir)},
          {"env_pass", configuration.env_pass},
          {"private_dirs", base::EscapeNames(configuration.private_dirs)},
          {"ledger", {{"mask", configuration.masks}, {"witness", WitnessJson(configuration)}}},
          {"without_effect", configuration.without_effect},
          {"mapped", configuration.mapped}};
}

std::string TomlValue(const nlohmann::ordered_json& value) {
  if (value.is_boolean()) {
    return value.get<bool>() ? "true" : "false";
  }
  if (!value.is_array()) {
    return config::TomlString(value.get<std::string>());
  }
  std::string text = "[";
  for (const auto& element : value) {
    text += (text.size() > 1 ? ", " : "") + config::TomlString(element.get<std::string>());
  }
  return text + "]";
}

void PrintKeys(Output& out, const nlohmann::ordered_json& settings) {
  for (const auto& [key, value] : settings.items()) {
    if (!value.is_null() && !value.is_object() && key != "without_effect" && key != "mapped") {
      out.Line(key + " = " + base::ForDisplay(TomlValue(value)));
    }
  }
}

void Print(Output& out, const nlohmann::ordered_json& settings) {
  PrintKeys(out, settings);
  if (!settings["without_effect"].empty()) {
    out.Line("# without effect in this version: " +
             base::ForDisplay(TomlValue(settings["without_effect"])));
  }
  if (!settings["mapped"].empty()) {
    out.Line("# taken as what Aegis does here: " + base::ForDisplay(TomlValue(settings["mapped"])));
  }
  if (!settings["ledger"]["mask"].empty()) {
    out.Line("");
    out.Line("[ledger]");
    PrintKeys(out, settings["ledger"]);
  }
  if (!settings["ledger"]["witness"]["targets"].empty()) {
    out.Line("");
    out.Line("[ledger.witness]");
    PrintKeys(out, settings["ledger"]["witness"]);
  }
}

base::Result<int> RunShow(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto name, ConfigArgument(args));
  AEGIS_ASSIGN(const auto configuration, LoadChosen(places, name));
  const auto settings = AsJson(configuration);
  if (args.Has("--json")) {
    PrintJson(context.out, settings);
  } else {
    Print(context.out, settings);
  }
  return 0;
}

// The path as bytes and nothing else: it is made to be used by other programs. A file that does not
// load must be found too, for it wants editing.
base::Result<int> RunPath(Context& context, const Args& args) {
  AEGIS_ASSIGN(const Places places, FindPlaces(context));
  AEGIS_ASSIGN(const auto given, ConfigArgument(args));
  AEGIS_ASSIGN(const auto name, ChooseName(places.home, given));
  AEGIS_TRY(places.home.CheckState(name));
  const std::string path = places.home.StateDir(name) + "/aegis.toml";
  if (args.Has("--json")) {
    PrintJson(context.out, {{"path", base::EscapeName(path)}});
  } else {
    context.out.Line(path);
  }
  return 0;
}

}  // namespace

const Command kConfigShowCommand = {
    .name = "config show",
    .summary = "Show a configuration's settings",
    .options = kOptions,
    .examples = kShowExamples,
    .notes = "",
    .run = RunShow,
};

const Command kConfigPathCommand = {
    .name = "config path",
    .summary = "Show where a configuration's aegis.toml lies",
    .options = kOptions,
    .examples = kPathExamples,
    .notes = "",
    .run = RunPath,
};

}  // namespace aegis::cli
