#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::ledger {

// One thing that is wrong with a ledger. Text may come from hostile rows: show it through
// base::ForDisplay.
struct Finding {
  enum class Kind : std::uint8_t {
    kDamaged,     // a value that can't be read or is of no form that we write
    kEdited,      // content or hash is not what it was
    kMissing,     // entries that were there are gone
    kReordered,   // entries stand in another order, or twice
    kForked,      // two continuations of one chain or tree
    kTruncated,   // the end of the ledger is gone
    kRolledBack,  // an older copy of the ledger
    kDerived,     // a derived table says something else than the entries
    kSignature,   // a checkpoint or key whose signature does not hold
    kErased,      // content is gone without a record of its purge
    kJournal,     // a journal that can't be drained
  };
  Kind kind = Kind::kDamaged;
  std::string session_id{};           // as far as known
  std::optional<std::int64_t> seq{};  // as far as known
  std::optional<std::int64_t> id{};   // row id
  std::string what{};                 // e.g. "hash does not match the content"
};

// "edited", "missing", ...
std::string_view FindingKindName(Finding::Kind kind);

// Whether an error says something about the ledger rather than about the attempt to read it.
bool IsDamage(const base::Error& error);

// The first findings, and how many there are in all.
class Findings {
 public:
  static constexpr std::size_t kMost = 20;

  // The place for it, to say more; null beyond kMost. Valid until the next Add.
  Finding* Add(Finding finding);
  // Appends another's, which lie behind.
  void Append(Findings&& behind);

  std::uint64_t count() const { return count_; }
  const std::vector<Finding>& first() const { return first_; }
  std::vector<Finding>& first() { return first_; }

 private:
  std::uint64_t count_ = 0;
  std::vector<Finding> first_;
};

}  // namespace aegis::ledger
