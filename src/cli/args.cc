#include "cli/args.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

bool HasCommand(std::span<const Option> options) {
  return std::ranges::any_of(options, [](const Option& o) { return o.kind == Kind::kCommand; });
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

base::Result<> CheckNumber(const Option& option, const std::string& text) {
  if (option.kind != Kind::kNumber && option.kind != Kind::kCount) {
    return {};
  }
  const std::uint64_t least = option.kind == Kind::kNumber ? 1 : 0;
  const auto number = ParseNumber(text);
  if (!number || *number < least) {
    return base::Fail(base::Errc::kInvalid, std::string(OptionKey(option)) +
                                                " wants a whole number from " +
                                                std::to_string(least) + ", not \"" + text + "\"");
  }
  return {};
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

std::string DidYouMean(std::string_view nearest) {
  return nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?";
}

// "a, b or c".
std::string Listed(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view before = i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    text.append(before).append(words[i]);
  }
  return text;
}

// A value in the spelling of the table, where the table has all the values there are.
base::Result<std::string> Chosen(const Option& option, const std::string& text) {
  const std::string lower = Lower(text);
  for (const std::string_view choice : option.choices) {
    if (Lower(choice) == lower) {
      return std::string(choice);
    }
  }
  if (option.choices.empty()) {
    return text;
  }
  return base::Fail(base::Errc::kInvalid, std::string(OptionKey(option)) + " is " +
                                              Listed(option.choices) + ", not \"" + text + "\"" +
                                              DidYouMean(config::Nearest(text, option.choices)));
}

// Every name of every option: "-q" and "--quiet".
std::vector<std::string_view> OptionNames(std::span<const Option> options) {
  std::vector<std::string_view> names;
  for (const Option& option : options) {
    for (std::string_view rest = option.names; rest.starts_with('-');) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      names.push_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return names;
}

// What was meant by the first word that looks like an option and is none.
std::string OptionHint(std::span<const Option> options, std::span<const std::string> words) {
  const auto names = OptionNames(options);
  for (const std::string& word : words) {
    const std::string_view name = std::string_view(word).substr(0, word.find('='));
    if (name.starts_with("--") && std::ranges::find(names, name) == names.end()) {
      return DidYouMean(config::Nearest(name, names));
    }
  }
  return "";
}

// One option and what the parser found for it.
struct Bound {
  const Option* option = nullptr;
  CLI::Option* handle = nullptr;
  std::string text;
  std::vector<std::string> texts;
  bool flag = false;
};

void Declare(CLI::App& app, Bound& bound) {
  const std::string names(bound.option->names);
  if (bound.option->kind == Kind::kFlag) {
    bound.handle = app.add_flag(names, bound.flag);
    return;
  }
  if (bound.option->kind == Kind::kTexts) {
    bound.handle = app.add_option(names, bound.texts)
                       ->expected(1)
                       ->allow_extra_args(false)
                       ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return;
  }
  bound.handle = app.add_option(names, bound.text)->expected(1);
  if (bound.option->kind != Kind::kPositional) {
    bound.handle->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
}

// The library says "--dir: 1 required TEXT missing", of an empty value too.
std::string Explained(const CLI::ArgumentMismatch& error, std::span<const Option> options) {
  std::string text = error.what();
  for (const Option& option : options) {
    const std::string key(OptionKey(option));
    if (text.starts_with(key + ":") && text.ends_with(" missing")) {
      return key + " needs " + std::string(option.metavar) + " (" + std::string(option.help) + ")";
    }
  }
  return text;
}

// The library tells them from the last to the first. Without a `--` they may be the command.
std::string Unexpected(const CLI::App& app, bool may_be_command) {
  const std::vector<std::string> words = app.remaining();
  std::string text = words.size() == 1 ? "The following argument was not expected:"
                                       : "The following arguments were not expected:";
  for (const std::string& word : words) {
    text.append(" ").append(word);
  }
  return may_be_command ? text + " (the command follows `--`)" : text;
}

// The library's exceptions end here. `may_be_command`: words that no option takes.
base::Result<> Parse(CLI::App& app, std::span<const Option> options,
                     std::span<const std::string> words, bool may_be_command) {
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ArgumentMismatch& error) {
    return base::Fail(base::Errc::kInvalid, Explained(error, options));
  } catch (const CLI::ExtrasError&) {
    return base::Fail(base::Errc::kInvalid,
                      Unexpected(app, may_be_command) + OptionHint(options, words));
  } catch (const CLI::Error& error) {
    return base::Fail(base::Errc::kInvalid, error.what());
  }
  return {};
}

}  // namespace

std::string_view OptionKey(const Option& option) {
  const std::size_t comma = option.names.rfind(',');
  return comma == std::string_view::npos ? option.names : option.names.substr(comma + 1);
}

bool Args::Has(std::string_view key) const {
  const auto found = values_.find(key);
  AEGIS_CHECK(found != values_.end());
  return found->second.has_value();
}

std::optional<std::string> Args::Text(std::string_view key) const {
  const auto found = values_.find(key);
  AEGIS_CHECK(found != values_.end());
  return found->second;
}

std::vector<std::string> Args::Texts(std::string_view key) const {
  const auto found = lists_.find(key);
  AEGIS_CHECK(found != lists_.end());
  return found->second;
}

std::optional<std::uint64_t> Args::Number(std::string_view key) const {
  const auto text = Text(key);
  return text ? ParseNumber(*text) : std::nullopt;
}

base::Result<Args> ParseArgs(std::span<const Option> options, std::span<const std::string> words) {
  Args args;
  if (HasCommand(options)) {
    // Split here: what follows belongs to the command, whatever it looks like.
    const auto separator = std::ranges::find(words, "--");
    if (separator != words.end()) {
      args.command_.assign(std::next(separator), words.end());
      words = words.first(static_cast<std::size_t>(separator - words.begin()));
    }
  }
  std::vector<Bound> bound(options.size());  // never resized: the parser holds references into it
  CLI::App app;
  app.set_help_flag();
  for (std::size_t i = 0; i < options.size(); ++i) {
    bound[i].option = &options[i];
    if (options[i].kind != Kind::kCommand) {
      Declare(app, bound[i]);
    }
  }
  AEGIS_TRY(Parse(app, options, words, HasCommand(options) && args.command_.empty()));
  for (const Bound& one : bound) {
    if (one.option->kind == Kind::kTexts) {
      args.lists_[std::string(OptionKey(*one.option))] = one.texts;
      continue;
    }
    auto& value = args.values_[std::string(OptionKey(*one.option))];
    if (one.handle != nullptr && one.handle->count() > 0) {
      AEGIS_TRY(CheckNumber(*one.option, one.text));
      AEGIS_ASSIGN(value, Chosen(*one.option, one.text));
    }
  }
  return args;
}

}  // namespace aegis::cli
