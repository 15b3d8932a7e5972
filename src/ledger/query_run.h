#pragma once

// Internal to aegis::ledger: one query over one view of a ledger.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/query.h"
#include "ledger/raw_filter.h"
#include "ledger/store.h"
#include "ledger/tails.h"

namespace aegis::ledger {

// Whether an entry is a principal's: its user, or the configuration of its session.
class PrincipalFilter {
 public:
  PrincipalFilter(const std::optional<std::string>& principal, Snapshot& snapshot,
                  const Tails& tails)
      : principal_(principal), snapshot_(snapshot), tails_(tails) {}

  base::Result<bool> Passes(const EntryView& entry);

 private:
  base::Result<bool> HasConfig(std::string_view session_id);

  const std::optional<std::string>& principal_;
  Snapshot& snapshot_;
  const Tails& tails_;
  std::map<std::string, bool, std::less<>> sessions_;  // those asked for lately
};

class QueryRun {
 public:
  // All must outlive it.
  QueryRun(const QueryFilter& filter, Snapshot& snapshot, Tails& tails)
      : filter_(filter),
        raw_(filter),
        snapshot_(snapshot),
        tails_(tails),
        principal_(filter.principal, snapshot, tails) {}

  base::Result<QueryPage> Run(const FoundVisitor& visit);

 private:
  base::Result<QueryPage> All(const FoundVisitor& visit);
  base::Result<QueryPage> Last(std::uint64_t count, const FoundVisitor& visit);
  base::Result<> Scan(IdRange within, StoreOrder order, const FoundVisitor& visit);
  base::Result<> CollectLast(std::uint64_t wanted, IdRange within, std::vector<std::int64_t>& ids);
  base::Result<bool> Passes(const EntryView& entry);

  const QueryFilter& filter_;
  RawFilter raw_;
  Snapshot& snapshot_;
  Tails& tails_;
  PrincipalFilter principal_;
};

}  // namespace aegis::ledger
