#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/activity.h"
#include "cli/secrets.h"
#include "cli/session_level.h"
#include "ledger/ledger.h"

// What a compliance report says, gathered in one pass over the ledger.
namespace aegis::cli {

// Which part of the ledger it is about: all of it, unless one of these is set.
struct ReportScope {
  std::optional<std::int64_t> from_ms{};  // inclusive
  std::optional<std::int64_t> to_ms{};    // exclusive
  std::optional<std::uint64_t> last{};    // sessions
  std::optional<std::string> session_id{};
};

// An action on a place where secrets are kept.
struct SecretAccess {
  std::string action{};
  std::string resource{};

  friend auto operator<=>(const SecretAccess&, const SecretAccess&) = default;
};

// A set of policies that was in force.
struct PolicyUse {
  std::uint64_t sessions = 0;        // that began under it, or in which an edit put it in force
  std::vector<std::string> files{};  // as one of them names them, if its beginning is in the scope
};

struct ReportData {
  // Names of each kind that are counted one by one; beyond them all others together.
  static constexpr std::size_t kMostNames = 10'000;

  std::string config{};
  std::int64_t made_ms = 0;
  ReportScope scope{};
  std::vector<ledger::SessionInfo> sessions{};  // that are in it, the oldest first
  SessionLevels levels{};                       // of those
  std::uint64_t entries = 0;                    // looked at
  Activity activity{kMostNames};
  Tally<SecretAccess> secrets{kMostNames};
  Tally<std::string> reasons{kMostNames};                    // why something was denied
  std::map<std::string, PolicyUse, std::less<>> policies{};  // by digest
  std::set<std::string, std::less<>> permit_all{};  // sessions in which that template permitted
  std::uint64_t policy_changes = 0;                 // while a session ran
  std::uint64_t policies_kept = 0;                  // edits that were not taken
  std::uint64_t watch_gaps = 0;
  ledger::VerifyReport verification{};
};

// How many of its sessions left plain reads to the kernel, so that the report can't have them.
std::uint64_t CountWithoutReads(const ReportData& data);

// Reads what is in `scope`; what is not stored yet too. `verification` is set by the caller.
base::Result<ReportData> GatherReport(ledger::Ledger& ledger, const ReportScope& scope,
                                      SecretPlaces& secrets);

// Something that whoever reads the report should know: what the record lacks, and where less than
// the policies was in force. In words of ours alone.
struct Gap {
  std::string_view kind{};  // one word or two: "wrap", "died"
  std::uint64_t count = 0;
  std::string text{};
};
std::vector<Gap> GapsOf(const ReportData& data);

}  // namespace aegis::cli
