#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/block_query.h"
#include "ledger/block_summary.h"
#include "ledger/entry.h"
#include "ledger/merkle.h"
#include "ledger/policy_set.h"
#include "ledger/session.h"

namespace aegis::ledger {

// A stored value as it lies there, of whatever type: stores may hold anything after tampering.
struct RawValue {
  enum class Type : std::uint8_t { kNull, kInteger, kReal, kText, kBlob };
  Type type = Type::kNull;
  std::int64_t integer = 0;
  std::string_view bytes{};
};

// A row of `entries`, unchecked. `unreadable` says why the columns could not be read at all.
struct RawRow {
  std::int64_t id = 0;
  RawValue tenant_id, user_id, session_id, seq, ts_unix_ms, event_type, payload, hash, prev_hash;
  std::string unreadable{};
};

// The entry in a row, or what is wrong with the row (kCorrupt): types, ranges, forms of the hashes,
// a payload that is no canonical object. Does not recompute the hash.
base::Result<EntryView> ToEntry(const RawRow& row);
// The same in two steps: first what the tree and the chain need (tenant, session, seq, hashes),
// then the content, which is added to it.
base::Result<EntryView> ToPosition(const RawRow& row);
base::Result<> TakeContent(const RawRow& row, EntryView& entry);

// Row ids, both ends included. Entry i of the tree, counted from 0, lies in row i + 1.
struct IdRange {
  std::int64_t first = 1;
  std::int64_t last = INT64_MAX;
};
constexpr IdRange RowsOfBlock(std::int64_t number) {
  return {.first = number * kBlockEntries + 1, .last = (number + 1) * kBlockEntries};
}
enum class StoreOrder : std::uint8_t { kLedger, kLedgerReversed };

// A row seen; false stops.
using RowVisitor = std::function<base::Result<bool>(const RawRow&)>;
using StoredSessionVisitor = std::function<base::Result<bool>(const base::Result<Session>&)>;

// A key as the store knows it: of the log itself, or of a witness whose cosignatures it keeps.
struct StoredKey {
  std::int64_t id = 0;
  std::string role{};         // "log" or "witness"
  std::string verifier{};     // signed-note verifier key
  std::string endorsement{};  // note by which the log's key before it hands over; empty for others
};
using KeyVisitor = std::function<base::Result<bool>(const base::Result<StoredKey>&)>;

struct StoredCheckpoint {
  std::uint64_t size = 0;
  std::string note{};
};
using CheckpointVisitor = std::function<base::Result<bool>(const base::Result<StoredCheckpoint>&)>;

using PolicySetVisitor = std::function<base::Result<bool>(const base::Result<StoredPolicySet>&)>;

// A derived row that serves the tree: hashes of the nodes [256 * number, ...) of level 8 * level.
struct StoredTile {
  std::int64_t level = 0;
  std::int64_t number = 0;
  std::string_view hashes{};
};
using TileVisitor = std::function<base::Result<bool>(const base::Result<StoredTile>&)>;

// What a query learns of a block that has a summary.
struct BlockAnswer {
  std::int64_t number = 0;
  bool may_match = true;
  bool may_have_user = true;
  std::optional<std::string> denials{};  // if only those can match
};
using BlockVisitor = std::function<base::Result<bool>(const BlockAnswer&)>;
// Blocks, both ends included.
struct BlockRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};
using IdRangeVisitor = std::function<void(IdRange)>;

// A consistent view of a store at one moment, in bounded memory. Must not outlive its store; one at
// a time, and no Append of the same Store object while it lives.
class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  virtual ~Snapshot() = default;

  // The rows that are there, in the order of their ids. One that can't be read hides no other.
  virtual base::Result<> Scan(IdRange range, StoreOrder order, const RowVisitor& visit) = 0;
  // The largest row id, 0 if there is none.
  virtual base::Result<std::int64_t> LastId() = 0;

  // All rows of `sessions`; a row that is no session comes as kCorrupt.
  virtual base::Result<> Sessions(const StoredSessionVisitor& visit) = 0;
  // The `count` that were stored last, the newest first.
  virtual base::Result<> RecentSessions(std::uint64_t count, const StoredSessionVisitor& visit) = 0;
  virtual base::Result<std::optional<Session>> FindSession(std::string_view session_id) = 0;

  // From the first to the last entry of each session of a configuration.
  virtual base::Result<> SessionsOf(std::string_view config, const IdRangeVisitor& visit) = 0;

  // Asks the blocks that have a summary, in the order of their numbers. What is no summary says
  // that all may be; one that can't be read ends the reading.
  virtual base::Result<> AskBlocks(BlockRange range, StoreOrder order, const BlockQuery& query,
                                   const BlockVisitor& visit) = 0;
  // The summary of one block as it is stored; nullopt if there is none. kCorrupt: it is no summary.
  virtual base::Result<std::optional<BlockSummary>> Block(std::int64_t number) = 0;

  // The tree over all entries.
  virtual base::Result<CompactRange> Tree() = 0;
  // The hashes of one tile of level >= 1, one after the other; empty if it is not there.
  virtual base::Result<std::string> Tile(std::int64_t level, std::int64_t number) = 0;
  virtual base::Result<> Tiles(const TileVisitor& visit) = 0;

  virtual base::Result<> Keys(const KeyVisitor& visit) = 0;  // by id
  // Signed tree heads of the sizes in `range`, by size, the smallest or the largest first.
  virtual base::Result<> Checkpoints(IdRange range, StoreOrder order,
                                     const CheckpointVisitor& visit) = 0;

  // The sets of policies that were in force, by digest; one that can't be read comes as kCorrupt.
  virtual base::Result<> PolicySets(const PolicySetVisitor& visit) = 0;
  virtual base::Result<std::optional<StoredPolicySet>> FindPolicySet(std::string_view digest) = 0;

  // Bytes that the store takes.
  virtual base::Result<std::uint64_t> Bytes() = 0;
};

// Makes the signed note of a checkpoint.
using CheckpointSigner =
    std::function<base::Result<std::string>(std::uint64_t size, const canon::Sha256& root)>;

// Where entries rest. One object per process and thread; several processes may have the same store
// open. Must not be used (or closed) by a forked child. Errors of all changes: kUnavailable: busy
// too long, may be tried again. Others (kExhausted, kCorrupt, kDenied ...): the store is broken or
// full. Nothing was stored then.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // Adds entries, of one or several sessions, in one durable transaction: to the end of the ledger
  // and its tree, in the order given. Each must continue its session from where it stands:
  // kConflict if one does not, because another writer was first. With `sign`, the tree that the
  // group makes is signed and kept as a checkpoint in the same transaction; its error is the
  // append's.
  virtual base::Result<> Append(std::span<const EntryView> group, const CheckpointSigner& sign) = 0;
  base::Result<> Append(std::span<const EntryView> group) { return Append(group, nullptr); }
  virtual base::Result<std::optional<Session>> FindSession(std::string_view session_id) = 0;

  // Makes summaries of full blocks that have none, so that queries pass over them: a few at a time,
  // true if there are more. Call it after appends, when there is time: it reads each block once,
  // and costs next to nothing otherwise.
  virtual base::Result<bool> SummarizeBlocks() = 0;

  // Keeps a signed tree head; one of the same size is replaced (by one with more signatures).
  virtual base::Result<> PutCheckpoint(const StoredCheckpoint& checkpoint) = 0;
  // Adds a key behind those that are there; kConflict unless `id` is the next.
  virtual base::Result<> AddKey(const StoredKey& key) = 0;

  // Keeps a set of policies under its digest, which is returned; one that is there stays. Durable.
  virtual base::Result<std::string> PutPolicySet(std::span<const PolicyText> texts) = 0;
  // Notes that imported entries name a set whose texts did not come with them, unless it is there.
  virtual base::Result<> NoteAbsentPolicySet(std::string_view digest) = 0;

  // Removes the content of the entries in `ranges` and appends `record`, which must name them, in
  // one transaction. Records of earlier purges keep their content.
  virtual base::Result<> Erase(std::span<const IdRange> ranges, const EntryView& record) = 0;

  virtual base::Result<std::unique_ptr<Snapshot>> OpenSnapshot() = 0;
};

}  // namespace aegis::ledger
