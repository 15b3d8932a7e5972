#include "ledger/block_query.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/block_summary.h"
#include "ledger/glob.h"
#include "ledger/grams.h"
#include "ledger/query.h"

namespace aegis::ledger {
namespace {

using Bits = std::vector<std::size_t>;

void AppendTermBits(Bits& bits, std::uint64_t hash) {
  ForEachTermBit(hash, [&bits](std::size_t bit) { bits.push_back(bit); });
}

bool HasAll(std::string_view set, const Bits& bits) {
  return std::ranges::all_of(bits, [set](std::size_t bit) { return HasBit(set, bit); });
}

// What the payload of an entry contains whose resource or target matches.
std::string InPayload(const Glob::Literal& literal) {
  return (literal.at_begin ? "\":\"" : "") + JsonContents(literal.text) +
         (literal.at_end ? "\"" : "");
}

}  // namespace

BlockQuery::BlockQuery(const QueryFilter& filter) : from_ms_(filter.from_ms), to_ms_(filter.to_ms) {
  std::string decision;
  AppendLower(decision, filter.decision.value_or(""));
  if (filter.event_type) {
    AppendTermBits(terms_, HashTerm(TermKind::kEventType, *filter.event_type));
  }
  if (filter.session_id) {
    AppendTermBits(terms_, HashTerm(TermKind::kSession, *filter.session_id));
  }
  if (filter.action) {
    AppendTermBits(terms_, HashTerm(TermKind::kAction, *filter.action));
  }
  if (filter.decision) {
    AppendTermBits(terms_, HashTerm(TermKind::kDecision, decision));
    denials_only_ = decision == "deny";
  }
  if (filter.action && filter.decision) {
    AppendTermBits(terms_, HashActionDecision(*filter.action, decision));
  }
  if (filter.principal) {
    AppendTermBits(user_.emplace(), HashTerm(TermKind::kUser, *filter.principal));
  }
  if (filter.path) {
    for (const Glob::Literal& literal : filter.path->Literals()) {
      grams_.Require(InPayload(literal));
    }
  }
  if (filter.text) {
    // In the payload as JSON writes it, or in the event type as it stands.
    text_grams_.emplace_back().Require(JsonContents(*filter.text));
    text_grams_.emplace_back().Require(*filter.text);
  }
}

// Whether `holds` for what is wanted in all, and for one of the forms of the text.
template <typename Holds>
bool BlockQuery::AnyText(const Holds& holds) const {
  return holds(grams_) && (text_grams_.empty() || std::ranges::any_of(text_grams_, holds));
}

bool BlockQuery::MayMatch(const BlockSummaryView& summary) const {
  const bool timed = from_ms_ || to_ms_;
  if (timed && (!summary.max_ms || (from_ms_ && *summary.max_ms < *from_ms_) ||
                (to_ms_ && summary.min_ms.value_or(*summary.max_ms) >= *to_ms_))) {
    return false;
  }
  return HasAll(summary.terms, terms_) &&
         AnyText([&summary](const GramQuery& grams) { return grams.MayBeIn3(summary.grams3); });
}

bool BlockQuery::MayMatchLong(const BlockSummaryView& summary) const {
  return AnyText([&summary](const GramQuery& grams) {
    return grams.MayBeIn5And8(summary.grams5, summary.grams8);
  });
}

bool BlockQuery::MayHaveUser(const BlockSummaryView& summary) const {
  return !user_ || HasAll(summary.terms, *user_);
}

}  // namespace aegis::ledger
