#include "ledger/verify_chunk.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/finding.h"
#include "ledger/merkle.h"
#include "ledger/policy_set.h"
#include "ledger/purge_record.h"
#include "ledger/session.h"
#include "ledger/store.h"
#include "ledger/verify_blocks.h"
#include "ledger/verify_checkpoints.h"

namespace aegis::ledger {
namespace {

using base::Result;
using Kind = Finding::Kind;

constexpr unsigned kTileLevel = 8;

// Adds a row to ranges that grow upwards.
void AddId(std::vector<IdRange>& ranges, std::int64_t id) {
  if (!ranges.empty() && ranges.back().last + 1 == id) {
    ranges.back().last = id;
  } else {
    ranges.push_back({.first = id, .last = id});
  }
}

class ChunkReader {
 public:
  ChunkReader(IdRange range, std::vector<Claim> claims)
      : range_(range), claims_(std::move(claims)), next_id_(range.first) {}

  Result<Chunk> Read(Snapshot& snapshot) {
    const RowVisitor visit = [&](const RawRow& row) -> Result<bool> {
      const std::optional<EntryView> good = Visit(row);
      AEGIS_TRY(blocks_.Take(row.id, good ? &*good : nullptr, snapshot, chunk_.findings));
      return true;
    };
    AEGIS_TRY(snapshot.Scan(range_, StoreOrder::kLedger, visit));
    if (next_id_ <= range_.last) {
      AddMissing(range_.last);
    }
    // Those whose tree is not known, or that name none.
    for (; next_claim_ < claims_.size(); ++next_claim_) {
      chunk_.claims.emplace_back(std::move(claims_[next_claim_]), CompactRange());
    }
    return std::move(chunk_);
  }

 private:
  // The entry, if nothing is wrong with it by itself.
  std::optional<EntryView> Visit(const RawRow& row) {
    if (row.id > next_id_) {
      AddMissing(row.id - 1);
    }
    next_id_ = row.id + 1;
    ++chunk_.rows;
    if (!row.unreadable.empty()) {
      AddUnreadable(row, "the row can't be read: " + row.unreadable);
      return std::nullopt;
    }
    auto entry = ToPosition(row);
    if (!entry) {
      AddUnreadable(row, entry.error().message());
      return std::nullopt;
    }
    AppendLeafOf(*entry);
    SessionPart& part = Follow(*entry, row.id);
    const bool good = CheckContent(row, *entry, part);
    last_part_ = &part;
    return good ? std::optional(*entry) : std::nullopt;
  }

  // The chain within the chunk; the entry's content is not known yet.
  SessionPart& Follow(const EntryView& entry, std::int64_t id) {
    SessionPart* part = Find(entry.session_id);
    if (part == nullptr) {
      part = &Begin(entry);
    } else {
      CheckLink(entry, id, *part);
    }
    return *part;
  }

  SessionPart* Find(std::string_view session_id) {
    // Entries of one session mostly lie together.
    if (last_part_ != nullptr && last_part_->session.session_id == session_id) {
      return last_part_;
    }
    const auto found = parts_.find(session_id);
    return found == parts_.end() ? nullptr : &chunk_.sessions[found->second];
  }

  SessionPart& Begin(const EntryView& entry) {
    last_part_ = nullptr;  // the vector may move
    parts_.emplace(entry.session_id, chunk_.sessions.size());
    chunk_.sessions.push_back({.first_seq = entry.seq, .first_prev_hash = entry.prev_hash});
    return chunk_.sessions.back();
  }

  void CheckLink(const EntryView& entry, std::int64_t id, SessionPart& part) {
    const Session& session = part.session;
    const std::uint64_t expected = session.head_seq + 1;
    if (entry.tenant_id != session.tenant_id) {
      AddBad(part, Kind::kEdited, entry, id, "the tenant differs from the session's");
    } else if (entry.seq < expected) {
      AddBad(part, Kind::kReordered, entry, id,
             "its seq is not behind that of the session's entry before it");
    } else if (entry.seq > expected) {
      AddGap(part, entry, id, expected);
    } else if (entry.prev_hash != session.head_hash) {
      AddBad(part, Kind::kForked, entry, id,
             "it does not continue the hash of the entry before it");
    }
  }

  // Rows that were found missing or unreadable explain a gap: they need no second finding.
  void AddGap(SessionPart& part, const EntryView& entry, std::int64_t id, std::uint64_t expected) {
    const std::uint64_t gap = entry.seq - expected;
    part.bad = true;
    if (gap <= chunk_.lost) {
      chunk_.lost -= gap;
      return;
    }
    AddBad(part, Kind::kMissing, entry, id,
           "entries are missing before it, from seq " + std::to_string(expected));
  }

  bool CheckContent(const RawRow& row, EntryView& entry, SessionPart& part) {
    auto taken = TakeContent(row, entry);
    bool good = taken.has_value();
    if (!taken) {
      AddBad(part, Kind::kEdited, entry, row.id, taken.error().message());
      entry.erased = true;  // nothing of it can be used
    } else if (entry.erased) {
      ++chunk_.erased;
      AddId(chunk_.erased_ids, row.id);
    } else if (HashEntry(hasher_, entry, scratch_) != entry.hash) {
      AddBad(part, Kind::kEdited, entry, row.id, "the hash does not match the content");
      good = false;
    } else if (entry.event_type == kContentErased) {
      TakePurge(entry, row.id);
    } else if (auto digest = ClaimedPolicies(entry)) {
      chunk_.policy_claims.push_back({.digest = *std::move(digest),
                                      .session_id = std::string(entry.session_id),
                                      .seq = static_cast<std::int64_t>(entry.seq),
                                      .id = row.id});
    }
    Carry(part, entry, row.id);
    return good;
  }

  void TakePurge(const EntryView& entry, std::int64_t id) {
    const auto ids = ParseErasedPayload(entry.payload);
    // A record names what was there before it; for what came later it is no leave.
    for (const IdRange& range : ids.value_or(std::vector<IdRange>())) {
      if (range.last < id) {
        chunk_.purged_ids.push_back(range);
      }
    }
  }

  void Carry(SessionPart& part, const EntryView& entry, std::int64_t id) {
    Session& session = part.session;
    if (session.first_id == 0) {
      session = BeginSession(entry);
      session.first_id = id;
    } else {
      if (!entry.erased && !session.user_id.empty() && entry.user_id != session.user_id) {
        AddBad(part, Kind::kEdited, entry, id, "the user differs from the session's");
      }
      Advance(session, entry);
    }
    session.last_id = id;
  }

  void AppendLeafOf(const EntryView& entry) {
    if (!chunk_.tree_known) {
      return;
    }
    scratch_.clear();
    AppendLeaf(scratch_, entry);
    chunk_.tree.Append(tree_hasher_, tree_hasher_.Leaf(scratch_),
                       [this](unsigned level, std::uint64_t, const canon::Sha256& hash) {
                         if (level == kTileLevel) {
                           chunk_.tiles.push_back(hash);
                         }
                       });
    const std::uint64_t size = static_cast<std::uint64_t>(range_.first - 1) + chunk_.tree.size();
    // Those of smaller trees are damaged so that they name none.
    for (; next_claim_ < claims_.size() && claims_[next_claim_].size <= size; ++next_claim_) {
      chunk_.claims.emplace_back(std::move(claims_[next_claim_]), chunk_.tree);
    }
  }

  void AddMissing(std::int64_t last) {
    const std::int64_t count = last - next_id_ + 1;
    chunk_.lost += static_cast<std::uint64_t>(count);
    chunk_.tree_known = false;
    chunk_.findings.Add({.kind = Kind::kMissing,
                         .id = next_id_,
                         .what = count == 1
                                     ? "the row is missing"
                                     : "the rows to " + std::to_string(last) + " are missing"});
    next_id_ = last + 1;
  }

  void AddUnreadable(const RawRow& row, std::string what) {
    ++chunk_.lost;
    chunk_.tree_known = false;
    Finding finding{.kind = Kind::kDamaged, .id = row.id, .what = std::move(what)};
    if (row.session_id.type == RawValue::Type::kText) {
      finding.session_id = row.session_id.bytes.substr(0, kMaxIdLength);
    }
    if (row.seq.type == RawValue::Type::kInteger) {
      finding.seq = row.seq.integer;
    }
    chunk_.findings.Add(std::move(finding));
  }

  void AddBad(SessionPart& part, Kind kind, const EntryView& entry, std::int64_t id,
              std::string what) {
    part.bad = true;
    chunk_.findings.Add({.kind = kind,
                         .session_id = std::string(entry.session_id),
                         .seq = static_cast<std::int64_t>(entry.seq),
                         .id = id,
                         .what = std::move(what)});
  }

  IdRange range_;
  std::vector<Claim> claims_;
  std::size_t next_claim_ = 0;
  std::int64_t next_id_;
  Chunk chunk_;
  std::map<std::string, std::size_t, std::less<>> parts_;  // into chunk_.sessions
  SessionPart* last_part_ = nullptr;
  BlockCheck blocks_;
  canon::Sha256Hasher hasher_;
  MerkleHasher tree_hasher_;
  std::string scratch_;
};

}  // namespace

Result<Chunk> ReadChunk(Snapshot& snapshot, IdRange range, const CheckpointCheck& checkpoints) {
  AEGIS_ASSIGN(std::vector<Claim> claims, checkpoints.ClaimsIn(snapshot, range));
  return ChunkReader(range, std::move(claims)).Read(snapshot);
}

}  // namespace aegis::ledger
