#include "ledger/verify.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/finding.h"
#include "ledger/merkle.h"
#include "ledger/purge_record.h"
#include "ledger/store.h"
#include "ledger/verify_blocks.h"
#include "ledger/verify_checkpoints.h"
#include "ledger/verify_chunk.h"
#include "ledger/verify_policies.h"
#include "ledger/verify_pool.h"
#include "ledger/verify_sessions.h"
#include "ledger/verify_tree.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;
using Kind = Finding::Kind;

// No entry takes less of a store: its hash alone is 32 bytes.
constexpr std::uint64_t kLeastRowBytes = 32;

class Verification {
 public:
  Verification(Snapshot& snapshot, const StoreOpener& open, const VerifyOptions& options)
      : snapshot_(snapshot),
        open_(open),
        options_(options),
        sessions_(snapshot, report_.findings),
        tree_(snapshot, report_.findings),
        policies_(snapshot, report_.findings) {}

  Result<VerifyReport> Run() {
    const auto stored_tree = snapshot_.Tree();
    AEGIS_ASSIGN(const std::int64_t last, LastRow(stored_tree));
    const unsigned threads =
        options_.threads == 0 ? std::thread::hardware_concurrency() : options_.threads;
    AEGIS_TRY(NameStrayRows({.first = INT64_MIN, .last = 0}));
    AEGIS_ASSIGN(const CheckpointCheck checkpoints, CheckpointCheck::Prepare(snapshot_, options_));
    for (const Finding& finding : checkpoints.findings()) {
      report_.findings.Add(finding);
    }
    AEGIS_TRY(policies_.ReadSets());
    AEGIS_TRY(ReadChunks(snapshot_, last, threads, open_, checkpoints,
                         [this, last](Chunk& chunk) { return Take(chunk, last); }));
    if (last < INT64_MAX) {
      AEGIS_TRY(NameStrayRows({.first = last + 1, .last = INT64_MAX}));
    }
    AEGIS_TRY(CheckOutside(checkpoints, last));
    CheckPinned(checkpoints);
    AEGIS_TRY(sessions_.Finish());
    AEGIS_TRY(tree_.Finish(stored_tree));
    AEGIS_TRY(policies_.Finish());
    AEGIS_TRY(FindStrayBlocks(snapshot_, last, report_.findings));
    CheckErased();
    report_.sessions = sessions_.sessions();
    report_.policy_sets = policies_.stored();
    report_.absent_policy_sets = policies_.absent();
    return std::move(report_);
  }

 private:
  // Where the rows end. A forged id or size must not keep us counting rows that no store of these
  // bytes can hold: those behind the last that it can are named one by one.
  Result<std::int64_t> LastRow(const Result<CompactRange>& tree) {
    AEGIS_ASSIGN(const std::uint64_t bytes, snapshot_.Bytes());
    const auto most = static_cast<std::int64_t>(bytes / kLeastRowBytes);
    auto rows = snapshot_.LastId();
    if (!rows && !IsDamage(rows.error())) {
      return Fail(std::move(rows).error());
    }
    if (!rows) {
      report_.findings.Add({.kind = Kind::kDamaged,
                            .what = "the last row can't be found: " + rows.error().message()});
    }
    const std::int64_t by_tree = tree ? static_cast<std::int64_t>(tree->size()) : rows.value_or(0);
    const std::int64_t by_rows = std::clamp<std::int64_t>(rows.value_or(by_tree), 0, most);
    if (rows && by_rows < by_tree) {
      report_.findings.Add({.kind = Kind::kTruncated,
                            .id = by_rows + 1,
                            .what = "the last entries are missing: the tree has " +
                                    std::to_string(by_tree) + ", the ledger " +
                                    std::to_string(by_rows)});
    }
    return by_rows;
  }

  // Rows where none can be.
  Result<> NameStrayRows(IdRange range) {
    auto read =
        snapshot_.Scan(range, StoreOrder::kLedger, [this](const RawRow& row) -> Result<bool> {
          ++report_.entries;
          report_.findings.Add({.kind = Kind::kReordered,
                                .id = row.id,
                                .what = "the row lies where no entry of the ledger can"});
          return true;
        });
    if (!read && IsDamage(read.error())) {
      report_.findings.Add({.kind = Kind::kDamaged, .what = read.error().message()});
      return {};
    }
    return read;
  }

  Result<> Take(Chunk& chunk, std::int64_t last) {
    report_.entries += chunk.rows;
    report_.erased += chunk.erased;
    report_.findings.Append(std::move(chunk.findings));
    AddErased(chunk.erased_ids);
    purged_.insert(purged_.end(), chunk.purged_ids.begin(), chunk.purged_ids.end());
    const bool known = tree_.known() && chunk.tree_known;
    for (const auto& [claim, part] : chunk.claims) {
      Hold(claim, known ? std::optional(tree_.RootWith(part)) : std::nullopt);
    }
    policies_.Take(chunk);
    AEGIS_TRY(tree_.Take(chunk));
    AEGIS_TRY(sessions_.Take(chunk));
    if (options_.progress) {
      options_.progress(report_.entries, static_cast<std::uint64_t>(last));
    }
    return {};
  }

  // Holds a checkpoint against the root of the tree of its size, if that is known.
  void Hold(const Claim& claim, const std::optional<canon::Sha256>& root) {
    ++report_.checkpoints;
    const auto add = [&](Kind kind, const std::string& what) {
      report_.findings.Add({.kind = kind,
                            .id = static_cast<std::int64_t>(claim.size),
                            .what = claim.from + ": " + what});
    };
    if (!claim.problem.empty()) {
      add(Kind::kSignature, claim.problem);
    } else if (root && *root != claim.root) {
      add(claim.if_wrong, "the ledger does not extend it: its first " + std::to_string(claim.size) +
                              " entries were others");
    } else if (root) {
      newest_key_ = std::max(newest_key_.value_or(0), claim.key);
      report_.signed_size = std::max(report_.signed_size.value_or(0), claim.size);
      if (claim.witnessed && (!report_.witnessed || report_.witnessed->size <= claim.size)) {
        report_.witnessed = claim.witnessed;
      }
    }
  }

  // A key that was kept elsewhere speaks for a ledger only if it, or one that it endorsed, has
  // signed it: anybody can name it among keys of his own.
  void CheckPinned(const CheckpointCheck& checkpoints) {
    for (const auto& [key, text] : checkpoints.pinned()) {
      if (report_.entries > 0 && (!newest_key_ || *newest_key_ < key)) {
        report_.findings.Add(
            {.kind = Kind::kSignature,
             .what = "nothing in the ledger is signed by " + text + " or a key that it endorsed"});
      }
    }
  }

  // Checkpoints of the empty tree, and of trees larger than the ledger is.
  Result<> CheckOutside(const CheckpointCheck& checkpoints, std::int64_t last) {
    AEGIS_ASSIGN(const std::vector<Claim> empty,
                 checkpoints.ClaimsIn(snapshot_, {.first = INT64_MIN, .last = 0}));
    for (const Claim& claim : empty) {
      Hold(claim, EmptyRoot());
    }
    AEGIS_ASSIGN(const std::vector<Claim> larger,
                 checkpoints.ClaimsIn(snapshot_, {.first = last + 1, .last = INT64_MAX}));
    for (const Claim& claim : larger) {
      ++report_.checkpoints;
      report_.findings.Add({.kind = claim.if_larger,
                            .id = last + 1,
                            .what = claim.from + ": it covers " + std::to_string(claim.size) +
                                    " entries, the ledger has " + std::to_string(last) +
                                    (claim.problem.empty() ? "" : "; " + claim.problem)});
    }
    return {};
  }

  // Ranges ascend; a run may go on from one chunk to the next.
  void AddErased(const std::vector<IdRange>& ranges) {
    for (const IdRange& range : ranges) {
      if (!erased_.empty() && erased_.back().last + 1 == range.first) {
        erased_.back().last = range.last;
      } else {
        erased_.push_back(range);
      }
    }
  }

  // Content may be gone only where a record says so, and then it is gone.
  void CheckErased() {
    Normalize(purged_);
    const auto add = [this](const IdRange& range, std::string what) {
      report_.findings.Add({.kind = Kind::kErased, .id = range.first, .what = std::move(what)});
    };
    for (const IdRange& range : erased_) {
      const auto behind =
          std::upper_bound(purged_.begin(), purged_.end(), range.first,
                           [](std::int64_t id, const IdRange& purge) { return id < purge.first; });
      if (behind == purged_.begin() || std::prev(behind)->last < range.last) {
        add(range, "the content is gone, but no purge of it is on record");
      }
    }
  }

  Snapshot& snapshot_;
  const StoreOpener& open_;
  const VerifyOptions& options_;
  VerifyReport report_;
  SessionCheck sessions_;
  TreeCheck tree_;
  PolicyCheck policies_;
  std::optional<std::size_t> newest_key_;  // of the log's, whose signature held
  std::vector<IdRange> erased_;
  std::vector<IdRange> purged_;
};

}  // namespace

Result<VerifyReport> VerifySnapshot(Snapshot& snapshot, const StoreOpener& open,
                                    const VerifyOptions& options) {
  return Verification(snapshot, open, options).Run();
}

}  // namespace aegis::ledger
