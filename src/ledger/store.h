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
#include "ledger/entry.h"
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

// What the store itself can narrow a reading to.
struct StoreFilter {
  std::optional<std::string> session_id{};
  std::optional<std::int64_t> from_ms{};  // inclusive
  std::optional<std::int64_t> to_ms{};    // exclusive
};

enum class StoreOrder : std::uint8_t {
  kLedger,
  kLedgerReversed,
  kSession
};  // kSession: by session, seq

// A row seen; false stops.
using RowVisitor = std::function<base::Result<bool>(const RawRow&)>;
using StoredSessionVisitor = std::function<base::Result<bool>(const base::Result<Session>&)>;

// A consistent view of a store at one moment, in bounded memory. Must not outlive its store; one at
// a time, and no Append of the same Store object while it lives.
class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  virtual ~Snapshot() = default;

  virtual base::Result<> Scan(const StoreFilter& filter, StoreOrder order,
                              const RowVisitor& visit) = 0;
  virtual base::Result<> Row(std::int64_t id, const RowVisitor& visit) = 0;
  // All rows of `sessions` by session id; a row that is no session comes as kCorrupt.
  virtual base::Result<> Sessions(const StoredSessionVisitor& visit) = 0;
  // The `count` that started last, the newest first.
  virtual base::Result<> RecentSessions(std::uint64_t count, const StoredSessionVisitor& visit) = 0;
  virtual base::Result<std::optional<Session>> FindSession(std::string_view session_id) = 0;
  virtual base::Result<std::int64_t> CountEntries() = 0;
};

// Where entries rest. One object per process and thread; several processes may have the same store
// open. Must not be used (or closed) by a forked child.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // Adds consecutive entries of one session in one durable transaction, and moves the session's
  // head from exactly the first one's predecessor. kConflict if the head stands elsewhere: another
  // writer was first, nothing was stored. kUnavailable: busy too long, may be tried again.
  // Others (kExhausted, kCorrupt, kDenied ...): the store is broken or full, nothing was stored.
  virtual base::Result<> Append(std::span<const EntryView> group) = 0;

  virtual base::Result<std::optional<Session>> FindSession(std::string_view session_id) = 0;
  virtual base::Result<std::unique_ptr<Snapshot>> OpenSnapshot() = 0;
};

}  // namespace aegis::ledger
