#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/entry.h"
#include "ledger/grams.h"

namespace aegis::ledger {

// Summaries let a query pass over entries without reading them. Block k of a ledger is its entries
// k * kBlockEntries + 1 to (k + 1) * kBlockEntries, counted in ledger order; each full block has a
// summary, which is a function of its entries alone. docs/ledger-format.md has the layout.
inline constexpr std::int64_t kBlockEntries = 4096;
// The block of entry `id`, counted from 1.
constexpr std::int64_t BlockOfRow(std::int64_t id) { return (id - 1) / kBlockEntries; }

// What a block may hold. It never lacks what the block holds; it may seem to hold more.
struct BlockSummary {
  static constexpr std::size_t kTermsBytes = 2048;
  static constexpr std::size_t kDenialsBytes = kBlockEntries / 8;

  std::optional<std::int64_t> min_ms{};  // none if all entries are erased
  std::optional<std::int64_t> max_ms{};
  std::string terms{};    // a Bloom filter over whole values
  std::string denials{};  // a bit for each entry: its decision is `deny`
  std::string grams3{};   // the pieces of event types and payloads; see GramSet
  std::string grams5{};
  std::string grams8{};

  friend bool operator==(const BlockSummary&, const BlockSummary&) = default;
};

// The same where it lies.
struct BlockSummaryView {
  std::optional<std::int64_t> min_ms{};
  std::optional<std::int64_t> max_ms{};
  std::string_view terms{};
  std::string_view denials{};
  std::string_view grams3{};
  std::string_view grams5{};
  std::string_view grams8{};

  BlockSummaryView() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): as a string is a view of itself
  BlockSummaryView(const BlockSummary& summary)
      : min_ms(summary.min_ms),
        max_ms(summary.max_ms),
        terms(summary.terms),
        denials(summary.denials),
        grams3(summary.grams3),
        grams5(summary.grams5),
        grams8(summary.grams8) {}
};

// The values that are found through `terms`.
enum class TermKind : std::uint8_t {
  kEventType = 1,
  kAction = 2,
  kDecision = 3,        // in lower case
  kActionDecision = 4,  // action, a zero byte, decision
  kUser = 5,
  kSession = 6,
};
std::uint64_t HashTerm(TermKind kind, std::string_view value);
std::uint64_t HashActionDecision(std::string_view action, std::string_view decision);
// Calls `visit` with the bits, counted from 0, that a term has in `terms`.
template <typename Visit>
void ForEachTermBit(std::uint64_t hash, const Visit& visit) {
  constexpr std::uint64_t kBits = BlockSummary::kTermsBytes * 8;
  const std::uint64_t step = (hash >> 32U) | 1U;
  for (int i = 0; i < 4; ++i, hash += step) {
    visit(static_cast<std::size_t>(hash % kBits));
  }
}

// Makes the summary of one block after the other.
class BlockSummaryBuilder {
 public:
  BlockSummaryBuilder();

  // The next entry of the block. At most kBlockEntries. Of an erased one only the session counts.
  void Add(const EntryView& entry);

  // The summary of what was added since the last Finish.
  BlockSummary Finish();

 private:
  void AddTerms(const EntryView& entry);
  void AddActionTerms(std::optional<std::string_view> action,
                      std::optional<std::string_view> decision);
  void AddTerm(std::uint64_t hash);

  BlockSummary summary_;  // without grams
  GramBuilder grams_;
  std::int64_t entries_ = 0;
  std::string session_id_;  // these of the entry before: their terms are there
  std::optional<std::string> user_id_;
  std::optional<std::string> event_type_;
  std::optional<std::string> action_;
  std::optional<std::string> decision_;
  std::string lower_decision_;
};

}  // namespace aegis::ledger
