#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aegis::observe {

// Why something was not seen.
enum class GapKind : std::uint8_t {
  kUnreadable,  // may not be read, or reading failed
  kMount,       // another file system begins here
  kBound,       // too deep, or too many names
  kUnsteady,    // changed each time while it was read
  kOverflow,    // the kernel dropped events
  kWatchLimit,  // the kernel grants no more watches
};
inline constexpr std::size_t kGapKindCount = 6;

// The name as the ledger writes it, e.g. "unreadable".
std::string_view GapKindName(GapKind kind);

struct Gap {
  GapKind kind = GapKind::kUnreadable;
  std::string name;    // bytes; empty where it concerns all
  std::string detail;  // why, for people
  bool hides = false;  // a directory whose contents are unknown
};

// Gaps as they are found. Of each kind the first kMaxNamed are kept, all are counted.
class GapList {
 public:
  static constexpr std::size_t kMaxNamed = 1000;

  void Add(Gap gap) {
    if (++counts_[gap.kind] <= kMaxNamed) {
      named_.push_back(std::move(gap));
    } else {
      hides_unnamed_ = hides_unnamed_ || gap.hides;
    }
  }

  const std::vector<Gap>& named() const { return named_; }
  const std::map<GapKind, std::uint64_t>& counts() const { return counts_; }
  std::uint64_t total() const;

  // Whether `name` is, or lies in, what a gap hides. True too where gaps were too many to name.
  bool Hides(std::string_view name) const;

 private:
  std::vector<Gap> named_;
  std::map<GapKind, std::uint64_t> counts_;
  bool hides_unnamed_ = false;
};

}  // namespace aegis::observe
