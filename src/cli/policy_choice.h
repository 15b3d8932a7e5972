#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "advice/question.h"
#include "base/result.h"
#include "cli/args.h"
#include "cli/context.h"
#include "cli/create.h"
#include "config/config.h"
#include "decision/decision.h"
#include "policy/policy.h"

// What the commands share that ask about policies without running anything under them.
namespace aegis::cli {

// The policies that a command means, and by what names.
struct PoliciesInQuestion {
  Places places;
  std::optional<config::Configuration> configuration;  // none with --policy
  std::vector<policy::Source> sources;
  policy::Names names;  // links are followed as a run would
};

// By --config, or by `policy` (a template or file, which stands as a run would take it), and --dir.
base::Result<PoliciesInQuestion> FindPolicies(const Context& context, const Args& args,
                                              const std::optional<std::string>& policy);

// Checks and loads them.
base::Result<policy::PolicySet> LoadThem(const PoliciesInQuestion& chosen);

// What holds whatever the policies say, as `aegis run` has it: `closed`, with --no-network.
decision::Guards GuardsOf(const Places& places, bool closed);

// The name by which the gate would ask for what a user wrote: absolute, without links (the last
// component of what is deleted is never followed), `~` and `@dir` resolved; a program without a
// slash is looked up on PATH. Parts that do not exist stay as they are. kInvalid for what names
// nothing.
base::Result<std::string> ResourceName(const Context& context, const policy::Names& names,
                                       policy::Action action, const std::string& given);

// The question of ACTION RESOURCE and the options of kQuestionOptions.
base::Result<advice::Question> QuestionOf(const Context& context, const Args& args,
                                          const policy::Names& names);

// The options that say around which circumstances a question is asked; commands list them.
inline constexpr Option kExeOption = {"--exe", Option::Kind::kText, "FILE",
                                      "The program that asks (context.exe)"};
inline constexpr Option kArgvOption = {"--argv", Option::Kind::kTexts, "WORD",
                                       "An argument (context.argv); may be given several times"};
inline constexpr Option kPidOption = {"--pid", Option::Kind::kNumber, "N",
                                      "The process that asks (context.pid)"};
inline constexpr Option kProtocolOption = {"--protocol", Option::Kind::kText, "NAME",
                                           "context.protocol of NetConnect (default: tcp or unix)"};
inline constexpr Option kClosedOption = {"--no-network", Option::Kind::kFlag, "",
                                         "Ask as under aegis run --no-network"};
inline constexpr Option kDirOption = {"--dir", Option::Kind::kText, "DIR",
                                      "The project, which policies call @dir"};

// A policy as JSON refers to it: id, effect, file, line, reason.
nlohmann::ordered_json PolicyRef(const policy::PolicySet::Info& info);

// The policies with these ids, in the order of the set.
std::vector<const policy::PolicySet::Info*> WithIds(const policy::PolicySet& policies,
                                                    std::span<const std::string> ids);

// "ID  FILE:LINE  (reason)", harmless for a terminal.
std::string PolicyLine(const policy::PolicySet::Info& info);

}  // namespace aegis::cli
