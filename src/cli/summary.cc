#include "cli/summary.h"

#include <signal.h>  // SIGPIPE

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.h"
#include "cli/context.h"
#include "cli/policies.h"
#include "cli/text.h"
#include "gate/run.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

struct Explanation {
  std::string_view reason;
  std::string_view text;
};

// Refusals that no policy can undo, or that are no policy's.
constexpr auto kExplanations = std::to_array<Explanation>({
    {"POLICY_ERROR", "a policy could not be evaluated; nothing is permitted until it can"},
    {"APPROVAL_UNAVAILABLE",
     "the policy asks for a person's approval, and there is no way to give "
     "one yet; a permit without @ask would permit it"},
    {"AEGIS_STATE", "it belongs to Aegis itself; no policy can permit it"},
    {"NETWORK_CLOSED",
     "the run's network is closed by --no-network, or this is a way out that no policy can permit"},
    {"PINNED_PATH",
     "a policy names something below it, which moving it would evade; no policy can "
     "permit it"},
    {"IMAGE_CHANGED",
     "the program was exchanged after it was judged, and killed before its first instruction; no "
     "policy can permit that"},
    {"UNSUPPORTED", "Aegis can't judge this kind of request; no policy can permit it"},
    {"NAME_MISMATCH", "it asked for another host than the one that it was permitted to connect to"},
    {"NAME_UNKNOWN", "it does not say in TLS or HTTP for which host it is"},
    {"MALFORMED", "what it sent can't be read, or can be read in two ways"},
    {"LEDGER_UNAVAILABLE", "it could not be recorded; see: aegis status"},
    {"INTERNAL_ERROR", "Aegis failed to judge it"},
});

std::string Permit(const gate::Denied& denied) {
  return "permit(principal, action == Aegis::Action::" + CedarString(denied.action) +
         ", resource == Aegis::Resource::" + CedarString(denied.resource) + ");";
}

// "policy "x" in FILE (reason)" for the policies that determined it.
std::string Named(const std::vector<std::string>& ids,
                  const std::vector<policy::PolicySet::Info>& policies) {
  std::string text;
  for (const std::string& id : ids) {
    text.append(text.empty() ? "policy \"" : ", policy \"").append(id).append("\"");
    const auto info = std::ranges::find(policies, id, &policy::PolicySet::Info::id);
    if (info != policies.end()) {
      text.append(" in ").append(info->file);
      if (!info->reason.empty()) {
        text.append(" (").append(info->reason).append(")");
      }
    }
  }
  return text;
}

// Of a connection that the policies permit, and that was not for its host.
bool IsAboutName(std::string_view reason) {
  return reason == "NAME_MISMATCH" || reason == "NAME_UNKNOWN" || reason == "MALFORMED";
}

std::string Because(const gate::Denied& denied,
                    const std::vector<policy::PolicySet::Info>& policies) {
  if (denied.reason == "NO_PERMIT") {
    return "no policy permits it; this would: " + Permit(denied);
  }
  if (denied.reason == "POLICY_FORBID") {
    return "forbidden by " + Named(denied.policies, policies) +
           "; to permit it, take it out of what that policy forbids";
  }
  std::string text(ReasonText(denied.reason));
  if (IsAboutName(denied.reason)) {
    text.append(denied.target.empty() ? "" : " (" + denied.target + ")");
    return text + "; this would let it pass unseen: @opaque " + Permit(denied);
  }
  if (!denied.policies.empty()) {
    text += " (" + Named(denied.policies, policies) + ")";
  }
  return text;
}

// Loaded once more, for the names of their files: only runs with refusals pay for it.
std::vector<policy::PolicySet::Info> PoliciesOf(const gate::RunSpec& spec) {
  const auto loaded = LoadPolicies(spec.policies,
                                   {.agent = spec.config_name,
                                    .home = base::EscapeName(spec.home),
                                    .dir = base::EscapeName(spec.dir)},
                                   spec.state_dir);
  return loaded ? loaded->policies() : std::vector<policy::PolicySet::Info>();
}

// Why execve(2) failed, and what is usually behind it.
std::string ExecFailure(int error) {
  const std::string text = std::generic_category().message(error);
  if (error == ENOEXEC) {
    return text + " (a script names its interpreter in its first line: #!/bin/sh)";
  }
  return error == ENOENT ? text + " (its interpreter is missing)" : text;
}

}  // namespace

std::string_view ReasonText(std::string_view code) {
  const auto found = std::ranges::find(kExplanations, code, &Explanation::reason);
  return found == kExplanations.end() ? code : found->text;
}

std::string DescribeDenial(const gate::Denied& denied, gate::Mode mode,
                           const std::vector<policy::PolicySet::Info>& policies) {
  // Aegis' state is masked under `wrap` too: the one refusal that it makes.
  const bool refused = mode == gate::Mode::kRun || denied.reason == "AEGIS_STATE";
  const std::string times =
      denied.times == 1 ? "" : " (" + std::to_string(denied.times) + " times)";
  return std::string(refused ? "refused " : "would have refused ") + denied.action + " " +
         denied.resource + times + ": " + Because(denied, policies);
}

void Summarise(Context& context, const gate::RunSpec& spec, const gate::RunOutcome& outcome) {
  // The command's exit code must reach the caller even if nobody reads stderr any more.
  static_cast<void>(::signal(SIGPIPE, SIG_IGN));
  // A denial says so itself, below.
  if (outcome.exec_error && outcome.denials == 0) {
    context.Say(base::EscapeName(spec.program) +
                ": can't be executed: " + ExecFailure(*outcome.exec_error));
  }
  for (const std::string& warning : outcome.warnings) {
    context.Say(warning);
  }
  if (context.quiet) {
    return;
  }
  const bool run = spec.mode == gate::Mode::kRun;
  context.Say(Count(outcome.actions, "action") + ", " + std::to_string(outcome.denials) +
              (run ? " denied" : " would have been denied") + ", session " + outcome.session_id +
              " (see: aegis log " + spec.config_name + ")");
  if (outcome.first_denials.empty()) {
    return;
  }
  const auto policies = PoliciesOf(spec);
  std::uint64_t shown = 0;
  for (const gate::Denied& denied : outcome.first_denials) {
    context.Say(DescribeDenial(denied, spec.mode, policies));
    shown += denied.times;
  }
  if (outcome.denials > shown) {
    context.Say("and " + std::to_string(outcome.denials - shown) +
                " more (see: aegis audit query " + spec.config_name + " --session " +
                outcome.session_id + " --decision deny)");
  }
}

}  // namespace aegis::cli
