#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/entry.h"
#include "ledger/masker.h"
#include "ledger/session.h"
#include "ledger/signer.h"
#include "ledger/store.h"

// Tags that sessions are given afterwards. A chain belongs to its session, which may run or be
// over, so each such tag is recorded by a session of its own, of mode "tag", that names the other
// one.
namespace aegis::ledger {

inline constexpr std::string_view kSessionTagged = "SESSION_TAGGED";
inline constexpr std::string_view kTagMode = "tag";
// What the ids of such sessions begin with: it tells them when their content was purged, too.
inline constexpr std::string_view kTagRecordPrefix = "tag-";

// Whether a session only records a tag.
bool IsTagRecord(const Session& session);

// {"session_id":ID,"tag":TAG}. The tag is masked as that of a run is; an empty one takes the tag
// away.
void AppendTaggedPayload(std::string& out, std::string_view session_id, std::string_view tag,
                         const Masker& masker);

struct TaggedPayload {
  std::string session_id;
  std::string tag;
};
// nullopt for a payload of another form.
std::optional<TaggedPayload> ParseTaggedPayload(std::string_view payload);

// A tag that a session was given, and the session that records it.
struct Tagging {
  std::string tag{};
  std::string recorded_by{};
  std::string user_id{};
  std::int64_t ts_unix_ms = 0;
};

// All that are stored, by the session that was tagged, in ledger order: the last one holds.
using Taggings = std::map<std::string, std::vector<Tagging>, std::less<>>;
base::Result<Taggings> ReadTaggings(Snapshot& snapshot);

struct TagRequest {
  Identity identity{};  // of the session that records it; kTagRecordPrefix begins its id
  Clock clock = SystemClock;
  std::string session_id{};
  std::string tag{};
};

// Records a tag, in one transaction, with a checkpoint if `signer` is given. Whether there is such
// a session is up to the caller.
base::Result<> TagSession(Store& store, const TagRequest& request, const Masker& masker,
                          const LedgerSigner* signer);

}  // namespace aegis::ledger
