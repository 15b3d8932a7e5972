#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "canon/canon.h"

namespace aegis::ledger {

// Whose entries these are. One session is one hash chain.
struct Identity {
  std::string tenant_id{};
  std::string user_id{};
  std::string session_id{};
};

// Event types of the runtime. Others are kept and verified just the same.
inline constexpr std::string_view kActionDecided = "ACTION_DECIDED";
inline constexpr std::string_view kActionFinished = "ACTION_FINISHED";
inline constexpr std::string_view kProcessStarted = "PROCESS_STARTED";
inline constexpr std::string_view kSessionStarted = "SESSION_STARTED";
inline constexpr std::string_view kSessionEnded = "SESSION_ENDED";
// As ACTION_DECIDED, of what had happened already when it was judged.
inline constexpr std::string_view kActionObserved = "ACTION_OBSERVED";
inline constexpr std::string_view kPolicyChanged = "POLICY_CHANGED";
inline constexpr std::string_view kPolicyKept = "POLICY_KEPT";

// Whether entries of this type say what the policies decided on an action.
constexpr bool HasDecision(std::string_view event_type) {
  return event_type == kActionDecided || event_type == kActionObserved;
}

// One entry. Views belong to whoever made it; `payload` is canonical JSON text of an object.
// Of an erased entry only tenant, session, seq and the hashes are left: its content was purged.
struct EntryView {
  std::string_view tenant_id{};
  std::string_view user_id{};
  std::string_view session_id{};
  std::uint64_t seq = 0;
  std::int64_t ts_unix_ms = 0;
  std::string_view event_type{};
  std::string_view payload{};
  std::optional<canon::Sha256> prev_hash{};  // none for seq 0
  canon::Sha256 hash{};
  bool erased = false;
};

// Sees entries one by one; false stops without error. Views are valid during the call only.
using EntryVisitor = std::function<base::Result<bool>(const EntryView&)>;

// Milliseconds since 1970.
using Clock = std::function<std::int64_t()>;
std::int64_t SystemClock();

// The envelope as canonical JSON, whole, and without `hash` (which is what is hashed). An erased
// entry has no envelope any more; AppendEnvelope then gives what is left of it, with
// `"erased":true`.
void AppendEnvelope(std::string& out, const EntryView& entry);
void AppendHashedEnvelope(std::string& out, const EntryView& entry);

// The entry as a leaf of the ledger's tree: canonical JSON of hash, seq, session and tenant.
void AppendLeaf(std::string& out, const EntryView& entry);

// What `hash` must be. `scratch` is overwritten; keep it to save allocations.
canon::Sha256 HashEntry(canon::Sha256Hasher& hasher, const EntryView& entry, std::string& scratch);

// A parsed envelope: owns its strings (payload as canonical text).
struct Entry {
  Identity identity{};
  std::uint64_t seq = 0;
  std::int64_t ts_unix_ms = 0;
  std::string event_type{};
  std::string payload{};
  std::optional<canon::Sha256> prev_hash{};
  canon::Sha256 hash{};

  EntryView view() const;
};

// Parses canonical envelope text: strictly the fields above in canonical order, no others, seq 0
// exactly when prev_hash is absent. `ParseEnvelope` wants `hash` and fills it (it does not check
// it); `ParseHashedEnvelope` wants it absent. kCorrupt otherwise.
base::Result<Entry> ParseEnvelope(std::string_view text);
base::Result<Entry> ParseHashedEnvelope(std::string_view text);

// Limits of an entry. Greater ones are refused at Append and are findings in Verify.
inline constexpr std::size_t kMaxPayload = std::size_t{4} << 20U;
inline constexpr std::size_t kMaxIdLength = 256;

// Session ids name files: letters, digits, `_`, `-` and `.`, not starting with `.`, at most 128.
bool IsValidSessionId(std::string_view id);

// A fresh session id that sorts by time: a version 7 UUID.
base::Result<std::string> NewSessionId(std::int64_t now_ms);

}  // namespace aegis::ledger
