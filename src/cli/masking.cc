#include "cli/masking.h"

#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "ledger/ledger.h"

namespace aegis::cli {

base::Result<ledger::Masker> ConfiguredMasker(const config::Configuration& configuration) {
  auto masker = ledger::Masker::Make(configuration.masks);
  if (!masker) {
    return base::Fail(std::move(masker).error().Within(base::EscapeName(configuration.file)));
  }
  return masker;
}

}  // namespace aegis::cli
