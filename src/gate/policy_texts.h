#pragma once

#include <string>
#include <vector>

#include "ledger/policy_set.h"
#include "policy/policy.h"

namespace aegis::gate {

// The sources as the ledger keeps them: those names and texts that PolicySet::digest() is over.
inline std::vector<ledger::PolicyText> TextsOf(const std::vector<policy::Source>& sources) {
  std::vector<ledger::PolicyText> texts;
  texts.reserve(sources.size());
  for (const policy::Source& source : sources) {
    const std::string::size_type slash = source.file.rfind('/');
    texts.push_back(
        {.file = slash == std::string::npos ? source.file : source.file.substr(slash + 1),
         .text = source.text});
  }
  return texts;
}

}  // namespace aegis::gate
