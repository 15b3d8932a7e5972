#include "cli/wizard.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/create.h"
#include "cli/text.h"
#include "config/config.h"
#include "policy/templates.h"

namespace aegis::cli {
namespace {

constexpr std::string_view kDefaultPolicy = "project";

struct Explanation {
  std::string_view name;
  std::string_view text;
};

constexpr auto kExplanations = std::to_array<Explanation>({
    {"project", "read the system, write in the project only, no network: for a coding agent"},
    {"allow-read-only", "read and run everything, change nothing, no network"},
    {"permit-all", "refuse nothing, the network included; record everything"},
    {"default-deny", "permit nothing yet: for policies of your own"},
});

// The templates, the usual one first.
std::vector<std::string_view> Templates() {
  std::vector<std::string_view> names;
  names.reserve(kExplanations.size());
  for (const Explanation& one : kExplanations) {
    names.push_back(one.name);
  }
  for (const std::string_view name : policy::TemplateNames()) {
    if (std::ranges::find(names, name) == names.end() && !policy::IsAddition(name)) {
      names.push_back(name);
    }
  }
  return names;
}

std::string PolicyQuestion(const std::vector<std::string_view>& names) {
  std::string text = "What may it do?\n";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto* const found = std::ranges::find(kExplanations, names[i], &Explanation::name);
    text += "  " + std::to_string(i + 1) + ") " + Padded(std::string(names[i]), 16) + " " +
            std::string(found == kExplanations.end() ? "" : found->text) + "\n";
  }
  return text + "A number, a name, or a file of policies [" + std::string(kDefaultPolicy) + "]: ";
}

// "2" as the second template.
std::string PolicyNamed(const std::vector<std::string_view>& names, const std::string& answer) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(answer.data(), answer.data() + answer.size(), number);
  const bool is_number = error == std::errc() && end == answer.data() + answer.size();
  return is_number && number >= 1 && number <= names.size() ? std::string(names[number - 1])
                                                            : answer;
}

std::string DefaultName(const config::Home& home) {
  if (!home.Has("default")) {
    return "default";
  }
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).filename().string();
  return config::NameForProgram(here.empty() ? "agent" : here);
}

// One session of questions. Each gives nothing at the end of input.
class Questions {
 public:
  Questions(const Places& places, const Ask& ask) : places_(places), ask_(ask) {}

  std::optional<std::string> Name() const {
    const std::string usual = DefaultName(places_.home);
    return Until<std::string>(
        "Name of the configuration [" + usual + "]: ",
        [&](const std::string& answer) -> base::Result<std::string> {
          std::string name = answer.empty() ? usual : answer;
          AEGIS_TRY(config::CheckName(name));
          if (places_.home.Has(name)) {
            return base::Fail(base::Errc::kExists, "configuration \"" + name + "\" exists already");
          }
          return name;
        });
  }

  std::optional<std::string> Directory() const {
    std::error_code error;
    const std::string here = std::filesystem::current_path(error).string();
    return Until<std::string>(
        "Directory of the project [" + base::ForDisplay(base::EscapeName(here)) + "]: ",
        [&](const std::string& answer) -> base::Result<std::string> {
          const bool at_home = answer == "~" || answer.starts_with("~/");
          const std::string dir = at_home ? places_.user_home + answer.substr(1) : answer;
          return config::ProjectDirectory(places_.home, dir.empty() ? "." : dir);
        });
  }

  std::optional<PolicyChoice> Policy() const {
    const auto names = Templates();
    return Until<PolicyChoice>(PolicyQuestion(names), [&](const std::string& answer) {
      return ChoosePolicy(answer.empty() ? std::string(kDefaultPolicy)
                                         : PolicyNamed(names, answer));
    });
  }

  bool Agreed(const NewConfiguration& wanted) const {
    const auto answer =
        ask_("Writes " + base::ForDisplay(base::EscapeName(places_.home.StateDir(wanted.name))) +
             ": settings, policies (" + base::ForDisplay(base::EscapeName(wanted.policy.name)) +
             "), an empty ledger.\nMake it? [Y/n] ");
    return answer && (answer->empty() || *answer == "y" || *answer == "Y" || *answer == "yes");
  }

 private:
  template <typename T, typename Read>
  std::optional<T> Until(const std::string& question, const Read& read) const {
    std::string text = question;
    while (const auto answer = ask_(text)) {
      base::Result<T> value = read(*answer);
      if (value) {
        return std::move(*value);
      }
      text = "  " + base::ForDisplay(value.error().message()) + "\n" + question;
    }
    return std::nullopt;
  }

  const Places& places_;
  const Ask& ask_;
};

}  // namespace

base::Result<std::optional<NewConfiguration>> AskForConfiguration(const Places& places,
                                                                  const WizardGiven& given,
                                                                  const Ask& ask) {
  const Questions questions(places, ask);
  NewConfiguration wanted;
  // What was given is looked at before anybody answers anything.
  if (given.policy) {
    AEGIS_ASSIGN(wanted.policy, ChoosePolicy(*given.policy));
  }
  if (given.dir) {
    AEGIS_ASSIGN(wanted.dir, config::ProjectDirectory(places.home, *given.dir));
  }
  const auto name = questions.Name();
  if (!name) {
    return std::nullopt;
  }
  wanted.name = *name;
  if (!given.dir) {
    wanted.dir = questions.Directory();
    if (!wanted.dir) {
      return std::nullopt;
    }
  }
  if (!given.policy) {
    auto policy = questions.Policy();
    if (!policy) {
      return std::nullopt;
    }
    wanted.policy = std::move(*policy);
  }
  if (!questions.Agreed(wanted)) {
    return std::nullopt;
  }
  return wanted;
}

}  // namespace aegis::cli
