#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"

namespace aegis::witness {

// The verifier key of a log, as `aegis audit checkpoint --key` prints it. kInvalid for anything
// else, a witness's key too.
base::Result<canon::VerifierKey> ParseLogKey(std::string_view text);

// A file of them: one a line; empty lines and those that begin with # are passed over. The error
// names the line.
base::Result<std::vector<canon::VerifierKey>> ParseLogKeys(std::string_view text);

// The verifier key of a witness, as `aegis audit witness --key` prints it. kInvalid for anything
// else, a log's key too.
base::Result<canon::VerifierKey> ParseWitnessKey(std::string_view text);

}  // namespace aegis::witness
