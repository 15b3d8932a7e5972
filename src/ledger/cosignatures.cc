#include "ledger/cosignatures.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/log_keys.h"
#include "ledger/merkle.h"
#include "ledger/sqlite/sqlite_store.h"
#include "ledger/store.h"
#include "ledger/tree_reader.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// Another process may add a key at the same moment.
constexpr int kAttempts = 8;

const canon::VerifierKey* KeyOf(const canon::NoteSignature& signature,
                                std::span<const canon::VerifierKey> keys) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const canon::VerifierKey& key) {
    return key.name == signature.name && key.id == signature.id;
  });
  return found == keys.end() ? nullptr : &*found;
}

Result<> AddWitness(Store& store, const canon::VerifierKey& key) {
  Result<> added;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::int64_t id = 0;
    {
      AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
      AEGIS_ASSIGN(const LogKeys known, LogKeys::Read(*snapshot));
      if (std::ranges::find(known.witnesses(), key) != known.witnesses().end()) {
        return {};
      }
      id = known.next_id();
    }
    added = store.AddKey(
        {.id = id, .role = std::string(kWitnessRole), .verifier = key.Text(), .endorsement = {}});
    if (added || added.error().code() != Errc::kConflict) {
      return added;
    }
  }
  return added;
}

Result<canon::SignedNote> StoredNote(Store& store, std::uint64_t size) {
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
  std::optional<StoredCheckpoint> found;
  const auto id = static_cast<std::int64_t>(size);
  auto read = snapshot->Checkpoints({.first = id, .last = id}, StoreOrder::kLedger,
                                    [&found](const Result<StoredCheckpoint>& stored) {
                                      if (stored) {
                                        found = *stored;
                                      }
                                      return Result<bool>(false);
                                    });
  AEGIS_TRY(std::move(read));
  if (!found) {
    return Fail(Errc::kNotFound, "no checkpoint of this size is stored");
  }
  return canon::SignedNote::Parse(found->note);
}

}  // namespace

Result<> KeepCosignatures(Store& store, std::uint64_t size,
                          std::span<const canon::NoteSignature> signatures,
                          std::span<const canon::VerifierKey> keys) {
  AEGIS_ASSIGN(canon::SignedNote note, StoredNote(store, size));
  bool changed = false;
  for (const canon::NoteSignature& signature : signatures) {
    const canon::VerifierKey* const key = KeyOf(signature, keys);
    const bool kept = std::ranges::any_of(note.signatures, [&](const canon::NoteSignature& other) {
      return other.name == signature.name && other.id == signature.id;
    });
    if (key == nullptr || kept) {
      continue;
    }
    AEGIS_TRY(AddWitness(store, *key));
    note.signatures.push_back(signature);
    changed = true;
  }
  return changed ? store.PutCheckpoint({.size = size, .note = note.Text()}) : Result<>();
}

Result<std::vector<canon::Sha256>> ProveByPath(const std::string& store_path,
                                               std::uint64_t old_size, std::uint64_t size) {
  AEGIS_ASSIGN(const std::unique_ptr<Store> store,
               OpenSqliteStore(store_path, OpenMode::kReadWrite));
  AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store->OpenSnapshot());
  TreeReader reader(*snapshot);
  return ProveConsistency(old_size, size, reader);
}

}  // namespace aegis::ledger
