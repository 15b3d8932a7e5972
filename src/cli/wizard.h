#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "cli/create.h"

namespace aegis::cli {

// Shows a text and gives the line that is typed then, without its end; nothing at the end of input.
using Ask = std::function<std::optional<std::string>(const std::string& text)>;

// What the command line said already, and is not asked for.
struct WizardGiven {
  std::optional<std::string> dir;
  std::optional<std::string> policy;
};

// Asks for a configuration, question by question; an empty answer takes the default, a wrong one is
// asked for again. Nothing if the user ended it or said no; nothing is written here.
base::Result<std::optional<NewConfiguration>> AskForConfiguration(const Places& places,
                                                                  const WizardGiven& given,
                                                                  const Ask& ask);

}  // namespace aegis::cli
