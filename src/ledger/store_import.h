#pragma once

// Internal to aegis::ledger.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/import.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {

// Imports into a store. Sessions that have a journal beside it get nothing: their entries come by
// themselves, and an entry put before them would break their chain.
class StoreImportTarget final : public ImportTarget {
 public:
  StoreImportTarget(Store& store, std::string journal_dir)
      : store_(store), journal_dir_(std::move(journal_dir)) {}

  base::Result<std::optional<Session>> FindSession(std::string_view session_id) override;
  base::Result<bool> Holds(const Session& session, std::uint64_t seq,
                           const canon::Sha256& hash) override;
  base::Result<> Append(std::span<const EntryView> group) override;

 private:
  base::Result<> RequireNoJournal(std::string_view session_id) const;

  Store& store_;
  std::string journal_dir_;
};

}  // namespace aegis::ledger
