#include "cli/context.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/command.h"
#include "config/config.h"

namespace aegis::cli {

Context::Context(std::vector<std::string> environment_in, int out_fd, int err_fd)
    : environment(std::move(environment_in)), out(out_fd), err(err_fd) {
  const auto no_colour = config::FindVariable(environment, "NO_COLOR");
  const bool set = no_colour.has_value() && !no_colour->empty();
  out.AllowColour(set);
  err.AllowColour(set);
}

void Context::Say(std::string_view text) {
  // Nothing may overtake what was printed before.
  static_cast<void>(out.Flush());
  err.Line("aegis: " + base::ForDisplay(text));
  static_cast<void>(err.Flush());  // no place is left to complain to
}

void Context::Note(std::string_view text) {
  if (!quiet) {
    Say(text);
  }
}

int Context::Usage(std::string_view what) {
  const std::string name = command == nullptr ? "" : " " + std::string(command->name);
  Say(std::string(what) + " (see: aegis" + name + " --help)");
  return command != nullptr && command->failure != 1 ? command->failure : kUsageExit;
}

base::Result<Places> FindPlaces(const Context& context) {
  AEGIS_ASSIGN(config::Home home, config::Home::Locate(context.environment));
  // Without a home directory `~` in policies and settings means nothing, and nothing else fails.
  auto user_home = config::UserHome(context.environment);
  return Places{.home = std::move(home), .user_home = user_home.value_or("/nonexistent")};
}

base::Result<std::string> ChooseName(const config::Home& home,
                                     const std::optional<std::string>& given) {
  if (given) {
    AEGIS_TRY(config::CheckName(*given));
    return *given;
  }
  AEGIS_ASSIGN(const std::optional<std::string> active, home.Active());
  return active.value_or("default");
}

base::Result<config::Configuration> LoadChosen(const Places& places,
                                               const std::optional<std::string>& given) {
  AEGIS_ASSIGN(const std::string name, ChooseName(places.home, given));
  return config::LoadConfiguration(places.home, name, places.user_home);
}

}  // namespace aegis::cli
