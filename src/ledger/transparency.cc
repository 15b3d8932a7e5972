#include "ledger/transparency.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/merkle.h"
#include "ledger/proof_text.h"
#include "ledger/session.h"
#include "ledger/signer.h"
#include "ledger/store.h"
#include "ledger/tile.h"
#include "ledger/tree_reader.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using canon::Sha256;

Result<Checkpoint> ParseStored(const StoredCheckpoint& stored) {
  auto note = canon::SignedNote::Parse(stored.note);
  auto checkpoint = note ? Checkpoint::Parse(note->text) : Result<Checkpoint>(Fail(note.error()));
  if (!checkpoint || checkpoint->size != stored.size) {
    return Fail(Errc::kCorrupt,
                "the stored checkpoint of size " + std::to_string(stored.size) + " is damaged");
  }
  return checkpoint;
}

// A proof that does not hold is of no use to anybody.
std::unexpected<base::Error> NoProof() {
  return Fail(Errc::kCorrupt,
              "the ledger is damaged: its tree is not that of its checkpoint (`aegis audit verify` "
              "tells more)");
}

Result<std::int64_t> RowOf(Snapshot& snapshot, const Session& session, std::uint64_t seq) {
  std::optional<std::int64_t> id;
  // Alone in its rows, as most sessions are, an entry lies where its seq says.
  std::int64_t likely = 0;
  if (__builtin_add_overflow(session.first_id, static_cast<std::int64_t>(seq), &likely)) {
    return Fail(Errc::kCorrupt, "the session's row in table sessions is damaged");
  }
  const auto look = [&](const RawRow& row) -> Result<bool> {
    const auto entry = ToPosition(row);
    if (entry && entry->session_id == session.session_id && entry->seq == seq) {
      id = row.id;
    }
    return !id;
  };
  AEGIS_TRY(snapshot.Scan({.first = likely, .last = likely}, StoreOrder::kLedger, look));
  if (!id) {
    AEGIS_TRY(snapshot.Scan({.first = likely, .last = session.last_id}, StoreOrder::kLedger, look));
  }
  return id ? Result<std::int64_t>(*id) : Fail(Errc::kNotFound, "no such entry in the ledger");
}

Result<Session> SessionOf(Snapshot& snapshot, std::string_view prefix) {
  if (prefix.empty()) {
    return Fail(Errc::kInvalid, "which session? an entry is named by SESSION:SEQ or by its hash");
  }
  AEGIS_ASSIGN(const std::optional<Session> exact, snapshot.FindSession(prefix));
  if (exact) {
    return *exact;
  }
  std::vector<Session> found;
  AEGIS_TRY(snapshot.Sessions([&](const Result<Session>& session) -> Result<bool> {
    if (session && session->session_id.starts_with(prefix)) {
      found.push_back(*session);
    }
    return found.size() < 2;
  }));
  if (found.size() == 1) {
    return found.front();
  }
  return Fail(
      found.empty() ? Errc::kNotFound : Errc::kInvalid,
      (found.empty() ? "no session " : "several sessions begin with ") + base::EscapeName(prefix));
}

Result<std::uint64_t> FindByHash(Snapshot& snapshot, const Sha256& hash) {
  std::optional<std::uint64_t> index;
  AEGIS_TRY(snapshot.Scan({}, StoreOrder::kLedgerReversed, [&](const RawRow& row) -> Result<bool> {
    if (!row.unreadable.empty()) {
      return Fail(Errc::kCorrupt, "row " + std::to_string(row.id) + ": " + row.unreadable);
    }
    if (row.hash.bytes == hash.view()) {
      index = static_cast<std::uint64_t>(row.id - 1);
    }
    return !index;
  }));
  return index ? Result<std::uint64_t>(*index) : Fail(Errc::kNotFound, "no entry has this hash");
}

Result<> PutHashes(TreeReader& reader, const TileId& tile, const PutFile& put) {
  std::string hashes;
  for (std::uint64_t i = 0; i < tile.width; ++i) {
    AEGIS_ASSIGN(const Sha256 hash,
                 reader.Node(tile.level * kTileHeight, tile.index * kTileWidth + i));
    hashes += hash.view();
  }
  return put(tile.Path(), hashes);
}

// A tile of level 0 and the bundle of its entries.
Result<> PutLeaves(TreeReader& reader, TileId tile, const PutFile& put) {
  AEGIS_ASSIGN(const std::vector<std::string> leaves,
               reader.Leaves(tile.index * kTileWidth, tile.width));
  MerkleHasher hasher;
  std::string hashes;
  std::string bundle;
  for (const std::string& leaf : leaves) {
    hashes += hasher.Leaf(leaf).view();
    AEGIS_TRY(AppendBundleEntry(bundle, leaf));
  }
  AEGIS_TRY(put(tile.Path(), hashes));
  tile.kind = TileId::Kind::kEntries;
  return put(tile.Path(), bundle);
}

}  // namespace

Result<std::optional<StoredCheckpoint>> NewestCheckpoint(Snapshot& snapshot) {
  std::optional<StoredCheckpoint> newest;
  AEGIS_TRY(snapshot.Checkpoints({.first = 0}, StoreOrder::kLedgerReversed,
                                 [&](const Result<StoredCheckpoint>& stored) -> Result<bool> {
                                   if (!stored) {
                                     return Fail(stored.error());
                                   }
                                   newest = *stored;
                                   return false;
                                 }));
  return newest;
}

Result<StoredCheckpoint> CheckpointOfAll(Store& store, const LedgerSigner& signer) {
  StoredCheckpoint made;
  {
    AEGIS_ASSIGN(const std::unique_ptr<Snapshot> snapshot, store.OpenSnapshot());
    AEGIS_ASSIGN(const CompactRange tree, snapshot->Tree());
    AEGIS_ASSIGN(std::optional<StoredCheckpoint> newest, NewestCheckpoint(*snapshot));
    if (newest && newest->size == tree.size()) {
      return *std::move(newest);
    }
    if (newest && newest->size > tree.size()) {
      return Fail(Errc::kCorrupt, "the ledger holds " + std::to_string(tree.size()) +
                                      " entries, but has a checkpoint of " +
                                      std::to_string(newest->size));
    }
    MerkleHasher hasher;
    made.size = tree.size();
    AEGIS_ASSIGN(made.note, signer.Sign(tree.size(), tree.Root(hasher)));
  }
  AEGIS_TRY(store.PutCheckpoint(made));
  return made;
}

Result<std::string> ProveEntry(Snapshot& snapshot, std::uint64_t index,
                               const StoredCheckpoint& checkpoint) {
  TreeReader reader(snapshot);
  LogProof proof{.extra = {}, .index = index};
  AEGIS_ASSIGN(const Checkpoint now, ParseStored(checkpoint));
  AEGIS_ASSIGN(proof.checkpoint, canon::SignedNote::Parse(checkpoint.note));
  AEGIS_ASSIGN(proof.hashes, ProveInclusion(index, now.size, reader));
  AEGIS_ASSIGN(const Sha256 leaf, reader.Node(0, index));
  if (!VerifyInclusion(leaf, index, now.size, proof.hashes, now.root)) {
    return NoProof();
  }
  return proof.Text();
}

Result<std::string> ProveExtension(Snapshot& snapshot, std::string_view older,
                                   const StoredCheckpoint& checkpoint) {
  AEGIS_ASSIGN(const canon::SignedNote note, canon::SignedNote::Parse(older));
  AEGIS_ASSIGN(const Checkpoint before, Checkpoint::Parse(note.text));
  AEGIS_ASSIGN(const Checkpoint now, ParseStored(checkpoint));
  if (before.origin != now.origin) {
    return Fail(Errc::kInvalid,
                "the checkpoint is of another log, " + base::EscapeName(before.origin));
  }
  if (before.size > now.size) {
    return Fail(Errc::kInvalid, "the checkpoint is of a larger tree (" +
                                    std::to_string(before.size) + " entries) than the ledger's (" +
                                    std::to_string(now.size) + ")");
  }
  TreeReader reader(snapshot);
  AEGIS_ASSIGN(const Sha256 root, RootAt(before.size, reader));
  if (root != before.root) {
    return Fail(Errc::kInvalid, "the ledger does not extend the checkpoint: its first " +
                                    std::to_string(before.size) + " entries are others");
  }
  AEGIS_ASSIGN(const std::vector<Sha256> proof, ProveConsistency(before.size, now.size, reader));
  if (!VerifyConsistency(before.size, before.root, now.size, now.root, proof)) {
    return NoProof();
  }
  return HashListText(proof);
}

Result<std::uint64_t> FindIndex(Snapshot& snapshot, std::string_view entry_id) {
  if (const auto hash = canon::Sha256FromHex(entry_id)) {
    return FindByHash(snapshot, *hash);
  }
  const std::size_t colon = entry_id.rfind(':');
  std::uint64_t seq = 0;
  const std::string_view digits =
      colon == std::string_view::npos ? std::string_view() : entry_id.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return Fail(Errc::kInvalid, "an entry is named by SESSION:SEQ or by its hash");
  }
  AEGIS_ASSIGN(const Session session, SessionOf(snapshot, entry_id.substr(0, colon)));
  if (seq > session.head_seq) {
    return Fail(Errc::kNotFound, "session " + session.session_id + " ends with seq " +
                                     std::to_string(session.head_seq));
  }
  AEGIS_ASSIGN(const std::int64_t id, RowOf(snapshot, session, seq));
  return static_cast<std::uint64_t>(id - 1);
}

Result<> ExportTiles(Snapshot& snapshot, std::uint64_t old_size, const StoredCheckpoint& checkpoint,
                     const PutFile& put) {
  TreeReader reader(snapshot);
  auto visited = VisitNewTiles(old_size, checkpoint.size, [&](const TileId& tile) -> Result<bool> {
    AEGIS_TRY(tile.level == 0 ? PutLeaves(reader, tile, put) : PutHashes(reader, tile, put));
    return true;
  });
  AEGIS_TRY(std::move(visited));
  return put("checkpoint", checkpoint.note);
}

}  // namespace aegis::ledger
