#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/judge.h"
#include "gate/serving.h"

namespace aegis::gate {

// The supervisor's side of an edit of the policies: takes the message with descriptor `memory`,
// parses the set while calls are still judged by the one before, then holds the calls still,
// records and changes. An error: the set before stays in force, and why. Any thread but the receive
// loop.
base::Result<> ApplyPolicyUpdate(const base::UniqueFd& memory, Judge& judge, Serving& serving);

}  // namespace aegis::gate
