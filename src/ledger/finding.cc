#include "ledger/finding.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace aegis::ledger {

std::string_view FindingKindName(Finding::Kind kind) {
  constexpr std::array<std::string_view, 11> kNames = {
      "damaged",     "edited",  "missing",   "reordered", "forked", "truncated",
      "rolled back", "derived", "signature", "erased",    "journal"};
  return kNames.at(static_cast<std::size_t>(kind));
}

bool IsDamage(const base::Error& error) {
  return error.code() == base::Errc::kCorrupt || error.code() == base::Errc::kExhausted;
}

Finding* Findings::Add(Finding finding) {
  ++count_;
  if (first_.size() >= kMost) {
    return nullptr;
  }
  first_.push_back(std::move(finding));
  return &first_.back();
}

void Findings::Append(Findings&& behind) {
  const std::uint64_t count = count_ + behind.count_;
  for (Finding& finding : behind.first_) {
    Add(std::move(finding));
  }
  count_ = count;
}

}  // namespace aegis::ledger
