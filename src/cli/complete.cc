#include "cli/complete.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/args.h"
#include "cli/choices.h"
#include "cli/command.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

enum class Source : std::uint8_t {
  kNothing,
  kConfigurations,
  kSessions,
  kTemplates,
  kPolicies,  // templates, and files
  kSets,      // those, and configurations
  kActions,   // and test files
  kFiles,
  kDirectories,
};

struct SourceOfName {
  std::string_view name;  // a metavar, or the name of a positional
  Source source;
};

constexpr auto kSources = std::to_array<SourceOfName>({
    {"NAME", Source::kConfigurations},
    {"ID", Source::kSessions},
    {"SESSION", Source::kSessions},
    {"S1", Source::kSessions},
    {"S2", Source::kSessions},
    {"TEMPLATE", Source::kTemplates},
    {"POLICY", Source::kPolicies},
    {"A", Source::kSets},
    {"B", Source::kSets},
    {"ACTION", Source::kActions},
    {"RESOURCE", Source::kFiles},
    {"FILE", Source::kFiles},
    {"PATH", Source::kFiles},
    {"TARGET", Source::kFiles},
    {"DIR", Source::kDirectories},
});

// Options whose value has the name of another thing.
struct Exception {
  std::string_view command;
  std::string_view key;
};

constexpr auto kNewNames = std::to_array<Exception>({
    {"init", "NAME"},
    {"init", "--name"},
    {"audit witness", "--name"},
    {"audit prove", "--entry"},
});

Source SourceOf(const Command& command, const Option& option) {
  const auto is_new = [&](const Exception& one) {
    return one.command == command.name && one.key == OptionKey(option);
  };
  if (std::ranges::any_of(kNewNames, is_new)) {
    return Source::kNothing;
  }
  const std::string_view name = option.kind == Kind::kPositional ? option.names : option.metavar;
  const auto* const found = std::ranges::find(kSources, name, &SourceOfName::name);
  return found == kSources.end() ? Source::kNothing : found->source;
}

bool IsSwitch(const Option& option) { return option.names.starts_with('-'); }
bool TakesValue(const Option& option) { return IsSwitch(option) && option.kind != Kind::kFlag; }

std::vector<std::string_view> NamesOf(const Option& option) {
  std::vector<std::string_view> names;
  for (std::string_view rest = option.names; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    names.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

// The line after the command's name, word by word.
class Line {
 public:
  Line(const Command& command, const NameSource& names) : command_(command), names_(names) {
    options_.assign(command.options.begin(), command.options.end());
    options_.insert(options_.end(), GlobalOptions().begin(), GlobalOptions().end());
  }

  // A whole word. False once it was the `--` before a command, after which nothing is ours.
  bool Take(const std::string& word) {
    if (pending_ != nullptr) {
      Note(*std::exchange(pending_, nullptr), word);
    } else if (word == "--" && !only_positionals_) {
      only_positionals_ = true;
      return !std::ranges::any_of(options_,
                                  [](const Option& o) { return o.kind == Kind::kCommand; });
    } else if (word.starts_with('-') && word.size() > 1 && !only_positionals_) {
      TakeSwitch(word);
    } else if (const Option* const option = NextPositional()) {
      ++positionals_;
      Note(*option, word);
    }
    return true;
  }

  // What the unfinished word may become.
  Completion Finish(const std::string& word) const {
    Completion completion;
    if (pending_ != nullptr) {
      Values(*pending_, "", completion);
    } else if (word.starts_with('-') && !only_positionals_) {
      FinishSwitch(word, completion);
    } else {
      Positionals(completion);
    }
    std::erase_if(completion.candidates,
                  [&](const Candidate& one) { return !one.word.starts_with(word); });
    return completion;
  }

 private:
  const Option* Find(std::string_view name) const {
    for (const Option& option : options_) {
      const auto names = NamesOf(option);
      if (IsSwitch(option) && std::ranges::find(names, name) != names.end()) {
        return &option;
      }
    }
    return nullptr;
  }

  const Option* NextPositional() const {
    std::size_t at = 0;
    for (const Option& option : options_) {
      if (option.kind == Kind::kPositional && at++ == positionals_) {
        return &option;
      }
    }
    return nullptr;
  }

  void Note(const Option& option, const std::string& value) {
    given_.push_back(&option);
    if (SourceOf(command_, option) == Source::kConfigurations) {
      config_ = value;
    }
  }

  void TakeSwitch(const std::string& word) {
    const std::size_t equals = word.find('=');
    const Option* const option = Find(word.substr(0, equals));
    if (option == nullptr) {
      return;
    }
    if (equals != std::string::npos) {
      Note(*option, word.substr(equals + 1));
    } else if (TakesValue(*option)) {
      pending_ = option;
    } else {
      given_.push_back(option);
    }
  }

  void FinishSwitch(const std::string& word, Completion& completion) const {
    if (const std::size_t equals = word.find('='); equals != std::string::npos) {
      const Option* const option = Find(word.substr(0, equals));
      if (option != nullptr && TakesValue(*option)) {
        Values(*option, word.substr(0, equals + 1), completion);
      }
      return;
    }
    Switches(completion);
  }

  void Switches(Completion& completion) const {
    for (const Option& option : options_) {
      const bool again =
          option.kind != Kind::kTexts && std::ranges::find(given_, &option) != given_.end();
      if (IsSwitch(option) && !again) {
        completion.candidates.push_back(
            {.word = std::string(OptionKey(option)), .about = std::string(option.help)});
      }
    }
  }

  void Positionals(Completion& completion) const {
    if (const Option* const option = NextPositional()) {
      Values(*option, "", completion);
      return;
    }
    for (const Option& option : options_) {
      if (option.kind == Kind::kCommand) {
        completion.candidates.push_back({.word = "--", .about = std::string(option.help)});
        Switches(completion);
      }
    }
  }

  // The values of an option, each behind `prefix`.
  void Values(const Option& option, const std::string& prefix, Completion& completion) const {
    std::vector<Candidate> values;
    values.reserve(option.choices.size());
    for (const std::string_view choice : option.choices) {
      values.push_back({.word = std::string(choice), .about = ""});
    }
    switch (option.choices.empty() ? SourceOf(command_, option) : Source::kNothing) {
      case Source::kNothing:
        break;
      case Source::kConfigurations:
        values = names_.Configurations();
        break;
      case Source::kSessions:
        values = names_.Sessions(config_);
        break;
      case Source::kSets:
        completion.shell = ShellWords::kFiles;
        values = names_.Configurations();
        std::ranges::move(names_.Templates(), std::back_inserter(values));
        break;
      case Source::kPolicies:
        completion.shell = ShellWords::kFiles;
        [[fallthrough]];
      case Source::kTemplates:
        values = names_.Templates();
        break;
      case Source::kActions:
        completion.shell = ShellWords::kFiles;
        values.clear();
        for (const std::string_view action : kActionChoices) {
          values.push_back({.word = std::string(action), .about = ""});
        }
        break;
      case Source::kFiles:
        completion.shell = ShellWords::kFiles;
        break;
      case Source::kDirectories:
        completion.shell = ShellWords::kDirectories;
        break;
    }
    for (Candidate& value : values) {
      value.word.insert(0, prefix);
      completion.candidates.push_back(std::move(value));
    }
  }

  const Command& command_;
  const NameSource& names_;
  std::vector<Option> options_;
  const Option* pending_ = nullptr;  // a switch that waits for its value
  std::vector<const Option*> given_;
  std::size_t positionals_ = 0;
  bool only_positionals_ = false;
  std::string config_;  // the configuration named so far
};

// The words that follow `prefix` ("" or "audit ") in the names of commands.
std::vector<Candidate> NextWords(std::span<const Command* const> commands,
                                 std::string_view prefix) {
  std::vector<Candidate> words;
  for (const Command* command : commands) {
    if (!command->name.starts_with(prefix)) {
      continue;
    }
    const std::string_view rest = command->name.substr(prefix.size());
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    std::string word(rest.substr(0, blank));
    const bool group = blank < rest.size();
    if (group && !words.empty() && words.back().word == word) {
      words.back().about += ", " + std::string(rest.substr(blank + 1));
    } else {
      words.push_back({.word = std::move(word),
                       .about = std::string(group ? rest.substr(blank + 1) : command->summary)});
    }
  }
  return words;
}

bool HasWord(std::span<const Candidate> candidates, std::string_view word) {
  return std::ranges::find(candidates, word, &Candidate::word) != candidates.end();
}

Completion CommandWords(std::span<const Command* const> commands, const std::string& prefix,
                        const std::string& word) {
  Completion completion{.candidates = NextWords(commands, prefix)};
  if (prefix.empty() && word.starts_with('-')) {
    for (const Option& option : GlobalOptions()) {
      completion.candidates.push_back(
          {.word = std::string(OptionKey(option)), .about = std::string(option.help)});
    }
    completion.candidates.push_back({.word = "--version", .about = "Show the version"});
  }
  std::erase_if(completion.candidates,
                [&](const Candidate& one) { return !one.word.starts_with(word); });
  return completion;
}

}  // namespace

Completion Complete(std::span<const Command* const> commands, std::span<const std::string> words,
                    const NameSource& names) {
  if (words.empty()) {
    return {};
  }
  const std::string& last = words.back();
  std::size_t at = 0;
  while (at + 1 < words.size() && words[at].starts_with('-')) {
    ++at;  // -q and -v before the command
  }
  std::string name;
  for (; at + 1 < words.size(); ++at) {
    const auto known = NextWords(commands, name);
    if (!HasWord(known, words[at])) {
      return {};
    }
    name += words[at];
    const auto found = std::ranges::find(commands, name, &Command::name);
    if (found != commands.end()) {
      Line line(**found, names);
      for (++at; at + 1 < words.size(); ++at) {
        if (!line.Take(words[at])) {
          return {.candidates = {}, .shell = ShellWords::kCommand, .command_at = at + 1};
        }
      }
      return line.Finish(last);
    }
    name += " ";
  }
  return CommandWords(commands, name, last);
}

}  // namespace aegis::cli
