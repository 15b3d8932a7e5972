#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "gate/run.h"
#include "policy/policy.h"

namespace aegis::cli {

// What is said on stderr at the end of a run, unless --quiet: one line of figures, then for up to
// five refusals what was refused, by which policy, and what would permit it.
void Summarise(Context& context, const gate::RunSpec& spec, const gate::RunOutcome& outcome);

// What a reason code means for who was refused: of those that no policy can undo, or that are no
// policy's; else the code itself. `code` must outlive the result.
std::string_view ReasonText(std::string_view code);

// One line about one refusal. `policies` are all that were loaded, to name their files by.
std::string DescribeDenial(const gate::Denied& denied, gate::Mode mode,
                           const std::vector<policy::PolicySet::Info>& policies);

}  // namespace aegis::cli
