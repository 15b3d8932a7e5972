#include "ledger/verify.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/finding.h"
#include "ledger/merkle.h"
#include "ledger/purge_record.h"
#include "ledger/store.h"
#include "ledger/verify_chunk.h"
#include "ledger/verify_pool.h"
#include "ledger/verify_sessions.h"
#include "ledger/verify_tree.h"

namespace aegis::ledger {
namespace {

using base::Fail;
using base::Result;
using Kind = Finding::Kind;

class Verification {
 public:
  Verification(Snapshot& snapshot, const StoreOpener& open, const VerifyOptions& options)
      : snapshot_(snapshot),
        open_(open),
        options_(options),
        sessions_(snapshot, report_.findings),
        tree_(snapshot, report_.findings) {}

  Result<VerifyReport> Run() {
    const auto stored_tree = snapshot_.Tree();
    AEGIS_ASSIGN(const std::int64_t last, LastRow(stored_tree));
    const unsigned threads =
        options_.threads == 0 ? std::thread::hardware_concurrency() : options_.threads;
    AEGIS_TRY(ReadChunks(snapshot_, last, threads, open_, CutsIn,
                         [this, last](Chunk& chunk) { return Take(chunk, last); }));
    AEGIS_TRY(sessions_.Finish());
    AEGIS_TRY(tree_.Finish(stored_tree));
    CheckErased();
    report_.sessions = sessions_.sessions();
    return std::move(report_);
  }

 private:
  static Result<std::vector<std::uint64_t>> CutsIn(Snapshot&, IdRange) {
    return std::vector<std::uint64_t>();
  }

  // Where the ledger ends: where its tree ends, or its rows if they go on behind.
  Result<std::int64_t> LastRow(const Result<CompactRange>& tree) {
    auto rows = snapshot_.LastId();
    if (!rows && !IsDamage(rows.error())) {
      return Fail(std::move(rows).error());
    }
    const std::int64_t by_rows = rows.value_or(0);
    // A forged size must not keep us counting missing rows: those behind the last are one finding.
    const std::int64_t by_tree = tree ? static_cast<std::int64_t>(tree->size()) : by_rows;
    if (rows && by_rows < by_tree) {
      report_.findings.Add({.kind = Kind::kTruncated,
                            .id = by_rows + 1,
                            .what = "the last entries are missing: the tree has " +
                                    std::to_string(by_tree) + ", the ledger " +
                                    std::to_string(by_rows)});
      truncated_ = true;
    }
    return by_rows;
  }

  Result<> Take(Chunk& chunk, std::int64_t last) {
    report_.entries += chunk.rows;
    report_.erased += chunk.erased;
    report_.findings.Append(std::move(chunk.findings));
    AddErased(chunk.erased_ids);
    purged_.insert(purged_.end(), chunk.purged_ids.begin(), chunk.purged_ids.end());
    AEGIS_TRY(tree_.Take(chunk));
    AEGIS_TRY(sessions_.Take(chunk));
    if (options_.progress) {
      options_.progress(report_.entries, static_cast<std::uint64_t>(last));
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
  std::vector<IdRange> erased_;
  std::vector<IdRange> purged_;
  bool truncated_ = false;
};

}  // namespace

Result<VerifyReport> VerifySnapshot(Snapshot& snapshot, const StoreOpener& open,
                                    const VerifyOptions& options) {
  return Verification(snapshot, open, options).Run();
}

}  // namespace aegis::ledger
