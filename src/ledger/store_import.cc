#include "ledger/store_import.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/policy_set.h"
#include "ledger/session.h"
#include "ledger/store.h"

namespace aegis::ledger {

using base::Errc;
using base::Fail;
using base::Result;

Result<std::optional<Session>> StoreImportTarget::FindSession(std::string_view session_id) {
  return store_.FindSession(session_id);
}

Result<bool> StoreImportTarget::Holds(const Session& session, std::uint64_t seq,
                                      const canon::Sha256& hash) {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store_.OpenSnapshot());
  bool holds = false;
  const auto look = [&](const RawRow& row) -> Result<bool> {
    const auto entry = ToPosition(row);
    const bool found = entry && entry->session_id == session.session_id && entry->seq == seq;
    holds = found && entry->hash == hash;
    return !found;
  };
  AEGIS_TRY(snapshot->Scan({.first = session.first_id, .last = session.last_id},
                           StoreOrder::kLedger, look));
  return holds;
}

Result<> StoreImportTarget::Append(std::span<const EntryView> group) {
  constexpr int kAttempts = 10;
  std::string_view checked;
  for (const EntryView& entry : group) {
    if (entry.session_id != checked) {
      checked = entry.session_id;
      AEGIS_TRY(RequireNoJournal(checked));
    }
  }
  // An export has no policies: what is missing here was not taken away.
  for (const EntryView& entry : group) {
    if (const auto digest = ClaimedPolicies(entry)) {
      AEGIS_TRY(store_.NoteAbsentPolicySet(*digest));
    }
  }
  auto appended = store_.Append(group);
  for (int attempt = 1;
       attempt < kAttempts && !appended && appended.error().code() == Errc::kUnavailable;
       ++attempt) {
    appended = store_.Append(group);
  }
  AEGIS_TRY(appended);
  // Summaries only serve queries, which do without: who appends next tries again.
  (void)store_.SummarizeBlocks();
  return {};
}

Result<> StoreImportTarget::RequireNoJournal(std::string_view session_id) const {
  const std::string path = journal_dir_ + "/" + std::string(session_id) + ".journal";
  struct stat status{};
  if (lstat(path.c_str(), &status) == 0) {
    return Fail(Errc::kConflict, "session " + base::EscapeName(session_id) +
                                     " has a journal here: its entries come by themselves");
  }
  return errno == ENOENT ? Result<>() : base::FailErrno("look for " + base::EscapeName(path));
}

}  // namespace aegis::ledger
