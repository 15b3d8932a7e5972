#pragma once

// Internal to aegis::ledger: passes over rows before they are checked and read as entries.

#include <string>
#include <vector>

#include "ledger/query.h"
#include "ledger/store.h"

namespace aegis::ledger {

class RawFilter {
 public:
  explicit RawFilter(const QueryFilter& filter);

  // False: the entry in this row does not match the filter. Rows that are none are not known to.
  bool MayMatch(const RawRow& row);

 private:
  bool MayMatchPayload(const RawRow& row);

  const QueryFilter& filter_;
  bool by_content_;                 // whether an erased entry can't match
  std::vector<std::string> parts_;  // what the payload must contain
  std::string lower_decision_;      // the same, of the payload in lower case; empty: anything
  std::string lower_text_;
  std::string lower_text_as_json_;
  std::string scratch_;
};

}  // namespace aegis::ledger
