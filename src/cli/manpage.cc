#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/roff.h"
#include "cli/version.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

using Kind = Option::Kind;

constexpr std::array<Option, 2> kOptions = {{
    {"COMMAND", Kind::kPositional, "", "A command (default: all of them)"},
    {"SUBCOMMAND", Kind::kPositional, "", "Its second word, as in `audit query`"},
}};

constexpr std::array<Example, 2> kExamples = {{
    {"aegis manpage > aegis.1 && man -l aegis.1", "All commands."},
    {"aegis manpage audit query | man -l -", "One of them."},
}};

// A term of the page and what it means.
struct Term {
  std::string_view name;
  std::string_view text;
};

constexpr auto kFiles = std::to_array<Term>({
    {"$AEGIS_HOME/current", "What aegis use chose."},
    {"$AEGIS_HOME/NAME/aegis.toml", "The settings of the configuration NAME."},
    {"$AEGIS_HOME/NAME/policies/*.cedar", "Its policies."},
    {"$AEGIS_HOME/NAME/audit.db", "Its ledger."},
    {"$AEGIS_HOME/NAME/ledger.key", "The private key that signs its checkpoints."},
    {"$AEGIS_HOME/NAME/checkpoint", "The newest checkpoint of the ledger."},
    {"$AEGIS_HOME/NAME/journal/", "What running sessions have not stored yet."},
});

constexpr auto kVariables = std::to_array<Term>({
    {"AEGIS_HOME", "Where all state lies: a directory of your own (default: ~/.aegis)."},
    {"AEGIS_DIR", "The older name of AEGIS_HOME, which it loses against."},
    {"HOME", "Your home directory; policies and settings call it ~."},
    {"NO_COLOR", "Where it is set and not empty, nothing is coloured."},
    {"PATH", "Where run and wrap look for the program."},
    {"VISUAL, EDITOR", "What config edit starts."},
});

constexpr auto kCodes = std::to_array<Term>({
    {"0", "Done; audit verify: everything verifies; setup, status: all is well."},
    {"1", "It failed, or what was looked at is not well."},
    {"2", "Wrong usage."},
    {"125", "run, wrap: Aegis failed, and nothing ran."},
    {"126", "run, wrap: the program may not or cannot be executed."},
    {"127", "run, wrap: the program was not found."},
    {"128 + n", "run, wrap: signal n ended the program. Any other code is the program's own."},
});

void Terms(ManPage& page, std::string_view section, std::span<const Term> terms) {
  page.Section(section);
  for (const Term& term : terms) {
    page.Item(term.name, term.text);
  }
}

void Options(ManPage& page, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string term(option.names);
    if (const std::size_t comma = term.find(','); comma != std::string::npos) {
      term.insert(comma + 1, " ");
    }
    if (!option.metavar.empty()) {
      term.append(" ").append(option.metavar);
    }
    page.Item(term, option.help);
  }
}

void Examples(ManPage& page, const Command& command) {
  for (const Example& example : command.examples) {
    page.Example(example.line, example.what);
  }
}

// One command among others: a part of the section COMMANDS.
void Describe(ManPage& page, const Command& command) {
  page.Subsection(CommandSynopsis(command));
  page.Paragraph(std::string(command.summary) + ".");
  if (!command.notes.empty()) {
    page.Paragraph(command.notes);
  }
  Options(page, command.options);
  Examples(page, command);
}

void Ending(ManPage& page) {
  Terms(page, "FILES", kFiles);
  Terms(page, "ENVIRONMENT", kVariables);
  Terms(page, "EXIT STATUS", kCodes);
}

std::string Version() { return "Aegis " + std::string(kVersion); }

// `commands` are all, or those of one group.
std::string PageOfSeveral(std::string_view group, std::span<const Command* const> commands) {
  ManPage page(group.empty() ? "aegis" : "aegis-" + std::string(group), Version());
  const std::string name = group.empty() ? "aegis" : "aegis " + std::string(group);
  page.Section("NAME");
  page.Paragraph(group.empty() ? "aegis - run an AI agent under a policy, and record what it does"
                               : name + " - commands of Aegis");
  page.Section("SYNOPSIS");
  page.Paragraph(name + " COMMAND [OPTION]... [-- PROGRAM [ARGUMENT]...]");
  if (group.empty()) {
    page.Section("DESCRIPTION");
    page.Paragraph(
        "Aegis runs an AI agent, or any other program, under a policy, without root and without a\n"
        "daemon. Each file that the program opens, changes or removes, each program that it\n"
        "starts and each connection that it makes is first decided by a Cedar policy and recorded\n"
        "in a ledger that others can verify. What the policy does not permit is refused.");
  }
  page.Section("OPTIONS");
  Options(page, GlobalOptions());
  page.Section("COMMANDS");
  for (const Command* command : commands) {
    Describe(page, *command);
  }
  Ending(page);
  return page.text();
}

std::string PageOfOne(const Command& command) {
  std::string title = "aegis-" + std::string(command.name);
  std::ranges::replace(title, ' ', '-');
  ManPage page(title, Version());
  page.Section("NAME");
  page.Paragraph(title + " - " + std::string(command.summary));
  page.Section("SYNOPSIS");
  page.Paragraph(CommandSynopsis(command));
  if (!command.notes.empty()) {
    page.Section("DESCRIPTION");
    page.Paragraph(command.notes);
  }
  page.Section("OPTIONS");
  Options(page, command.options);
  Options(page, GlobalOptions());
  page.Section("EXAMPLES");
  Examples(page, command);
  Ending(page);
  page.Section("SEE ALSO");
  page.Paragraph("aegis(1)");
  return page.text();
}

base::Result<std::string> PageOf(const std::string& name) {
  std::vector<const Command*> chosen;
  std::vector<std::string_view> names;
  for (const Command* command : Commands()) {
    names.push_back(command->name);
    if (command->name == name) {
      return PageOfOne(*command);
    }
    if (name.empty() || command->name.starts_with(name + " ")) {
      chosen.push_back(command);
    }
  }
  if (!chosen.empty()) {
    return PageOfSeveral(name, chosen);
  }
  const std::string_view nearest = config::Nearest(name, names);
  return base::Fail(
      base::Errc::kInvalid,
      "unknown command \"" + name + "\"" +
          (nearest.empty() ? "" : "; did you mean \"aegis " + std::string(nearest) + "\"?"));
}

base::Result<int> Run(Context& context, const Args& args) {
  std::string name = args.Text("COMMAND").value_or("");
  if (const auto second = args.Text("SUBCOMMAND")) {
    name += " " + *second;
  }
  const auto page = PageOf(name);
  if (!page) {
    return context.Usage(page.error().message());
  }
  context.out.Write(*page);
  return 0;
}

}  // namespace

const Command kManpageCommand = {
    .name = "manpage",
    .summary = "Print the manual as a page for man(1)",
    .options = kOptions,
    .examples = kExamples,
    .notes = "`make install` and packages install the page of all commands as aegis(1).\n",
    .run = Run,
};

}  // namespace aegis::cli
