#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ledger/block_summary.h"
#include "ledger/grams.h"
#include "ledger/query.h"

namespace aegis::ledger {

// Asks summaries whether a block may hold an entry that a filter lets pass. Without false
// negatives: of an entry that Matches(filter, entry), the summary of its block says so.
class BlockQuery {
 public:
  explicit BlockQuery(const QueryFilter& filter);

  // All but filter.principal, in two steps: by the times, terms and grams3 of a summary, and, if
  // they say yes, by its grams5 and grams8.
  bool MayMatch(const BlockSummaryView& summary) const;
  bool MayMatchLong(const BlockSummaryView& summary) const;
  // Whether an entry of the block may be of the user filter.principal, if that is set. (The entries
  // of sessions with that configuration don't say so themselves.)
  bool MayHaveUser(const BlockSummaryView& summary) const;
  // Only entries whose bit in `denials` is set can match.
  bool denials_only() const { return denials_only_; }
  // Whether answers depend on these parts of a summary.
  bool needs_terms() const { return !terms_.empty() || user_; }
  bool needs_grams() const { return !grams_.empty() || !text_grams_.empty(); }

 private:
  using Bits = std::vector<std::size_t>;
  template <typename Holds>
  bool AnyText(const Holds& holds) const;

  std::optional<std::int64_t> from_ms_;
  std::optional<std::int64_t> to_ms_;
  Bits terms_;
  std::optional<Bits> user_;
  GramQuery grams_;
  std::vector<GramQuery> text_grams_;  // and at least one of these, if there are any
  bool denials_only_ = false;
};

}  // namespace aegis::ledger
