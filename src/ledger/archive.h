#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/export_format.h"
#include "ledger/import.h"
#include "ledger/query.h"
#include "ledger/recovery.h"
#include "ledger/session.h"
#include "ledger/signer.h"
#include "ledger/store.h"
#include "ledger/tag.h"
#include "ledger/verify.h"

namespace aegis::ledger {

// The ledger of one configuration, $AEGIS_HOME/NAME: the store `audit.db` and the directory
// `journal/` with one file per running session. The functions below see one moment of both: what is
// stored, then what running sessions have appended but not yet stored, nothing twice. Bounded
// memory. One thread; must not be used in a forked child.
class Ledger {
 public:
  enum class Mode : std::uint8_t {
    kCreate,  // make what is missing (directory `journal`, `audit.db`), for init, run and wrap
    kRead,    // kNotFound if there is no audit.db
  };

  // Opens the ledger in `directory`, which must exist, and drains the journals of dead processes.
  // With kCreate a store that does not extend the checkpoint noted beside it is refused (kCorrupt):
  // it was cut, replaced or rolled back, and nothing may be appended to it.
  // kCorrupt: audit.db is no Aegis ledger, is damaged, or of another version. What happened to
  // journals is in recovered(). A ledger that can be read but not written opens in kRead.
  static base::Result<Ledger> Open(const std::string& directory, Mode mode);
  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  Store& store();
  const std::string& directory() const;

  // The private key, loaded or made when first asked for; see LedgerSigner::Open. kCorrupt for a
  // ledger that kCreate would refuse.
  base::Result<LedgerSigner*> Signer();
  // The newest checkpoint, over all that is stored: one that is there, for which no key is needed,
  // or a new one, signed, kept and noted. Refuses what Signer refuses.
  base::Result<StoredCheckpoint> CheckpointAll();
  // Notes a checkpoint beside the store, in DIRECTORY/checkpoint, where Open finds it; a greater
  // one that is noted stays.
  base::Result<> NoteCheckpoint(const StoredCheckpoint& checkpoint) const;
  const std::vector<JournalFinding>& recovered() const;
  std::string JournalPath(std::string_view session_id) const;

  // Matching entries in ledger order; those that are not stored yet come last. kInvalid: the filter
  // contradicts itself.
  base::Result<QueryPage> Query(const QueryFilter& filter, const FoundVisitor& visit);
  base::Result<QueryPage> Query(const QueryFilter& filter, const EntryVisitor& visit);

  // The same as text; what stands before and behind them is up to the caller, as an export may take
  // several queries. `sink` gets pieces; its error ends the export and is returned.
  using Sink = std::function<base::Result<>(std::string_view)>;
  base::Result<QueryPage> Export(const QueryFilter& filter, ExportWriter& writer, const Sink& sink);

  // How many entries are stored: the place of the last one.
  base::Result<std::uint64_t> CountStored();

  // Adds entries from an export in JSON lines; see Importer. `next` gives the input piece by piece,
  // and "" at its end. `report` says what was done, also on an error. kConflict: a session runs
  // here, and its entries come by themselves.
  using Source = std::function<base::Result<std::string_view>()>;
  base::Result<> Import(const Source& next, ImportReport& report);

  // Sessions by start, oldest first; the last `last` of them. Those that only record a tag are left
  // out.
  base::Result<> Sessions(std::optional<std::uint64_t> last, const SessionVisitor& visit);
  // By its id, or by a beginning of it or a newest tag that no other session has. kNotFound;
  // kInvalid if there are several.
  base::Result<SessionInfo> FindSession(std::string_view id_or_tag);
  // The first entries of `sessions`, in no order. Passed over are those that can't be read or are
  // not there (any more): nobody can make a session's beginning keep the others from being shown.
  base::Result<> FirstEntries(std::span<const SessionInfo> sessions, const EntryVisitor& visit);
  // The tags that sessions were given afterwards.
  base::Result<Taggings> ReadTags();

  base::Result<VerifyReport> Verify(const VerifyOptions& options = {});

 private:
  struct State;
  SessionInfo Describe(Session session, const Taggings& taggings) const;
  explicit Ledger(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aegis::ledger
