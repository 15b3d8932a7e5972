#include "observe/gap.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>

namespace aegis::observe {

std::string_view GapKindName(GapKind kind) {
  switch (kind) {
    case GapKind::kUnreadable:
      return "unreadable";
    case GapKind::kMount:
      return "mount";
    case GapKind::kBound:
      return "bound";
    case GapKind::kUnsteady:
      return "unsteady";
    case GapKind::kOverflow:
      return "overflow";
    case GapKind::kWatchLimit:
      break;
  }
  return "watch_limit";
}

std::uint64_t GapList::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& count) { return sum + count.second; });
}

bool GapList::Hides(std::string_view name) const {
  return hides_unnamed_ || std::ranges::any_of(named_, [name](const Gap& gap) {
           return gap.hides && (gap.name.empty() || name == gap.name ||
                                (name.starts_with(gap.name) && name[gap.name.size()] == '/'));
         });
}

}  // namespace aegis::observe
