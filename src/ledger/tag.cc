#include "ledger/tag.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/chain.h"
#include "ledger/entry.h"
#include "ledger/masker.h"
#include "ledger/payload.h"
#include "ledger/query.h"
#include "ledger/query_run.h"
#include "ledger/session.h"
#include "ledger/signer.h"
#include "ledger/store.h"
#include "ledger/tails.h"

namespace aegis::ledger {
namespace {

using base::Result;

// An entry of a chain, owned: a view of it lives until the chain's next one.
Entry Kept(const EntryView& view) {
  return {.identity = {std::string(view.tenant_id), std::string(view.user_id),
                       std::string(view.session_id)},
          .seq = view.seq,
          .ts_unix_ms = view.ts_unix_ms,
          .event_type = std::string(view.event_type),
          .payload = std::string(view.payload),
          .prev_hash = view.prev_hash,
          .hash = view.hash};
}

}  // namespace

bool IsTagRecord(const Session& session) {
  return session.mode == kTagMode ||
         (session.erased > 0 && session.session_id.starts_with(kTagRecordPrefix));
}

void AppendTaggedPayload(std::string& out, std::string_view session_id, std::string_view tag,
                         const Masker& masker) {
  const auto masked = masker.Mask(tag);
  out += R"({"session_id":)";
  canon::AppendJsonString(out, session_id);
  out += R"(,"tag":)";
  canon::AppendJsonString(out, masked ? std::string_view(*masked) : tag);
  out += '}';
}

std::optional<TaggedPayload> ParseTaggedPayload(std::string_view payload) {
  auto session_id = canon::StringMember(payload, "session_id");
  auto tag = canon::StringMember(payload, "tag");
  if (!session_id || !tag) {
    return std::nullopt;
  }
  return TaggedPayload{.session_id = std::move(*session_id), .tag = std::move(*tag)};
}

Result<Taggings> ReadTaggings(Snapshot& snapshot) {
  QueryFilter filter;
  filter.event_type = kSessionTagged;
  filter.stored_only = true;  // they are written to the store at once
  Tails none;
  Taggings taggings;
  AEGIS_TRY(QueryRun(filter, snapshot, none)
                .Run([&](const EntryView& entry, std::optional<std::uint64_t>) -> Result<bool> {
                  if (auto tagged = ParseTaggedPayload(entry.payload)) {
                    taggings[tagged->session_id].push_back(
                        {.tag = std::move(tagged->tag),
                         .recorded_by = std::string(entry.session_id),
                         .user_id = std::string(entry.user_id),
                         .ts_unix_ms = entry.ts_unix_ms});
                  }
                  return true;
                }));
  return taggings;
}

Result<> TagSession(Store& store, const TagRequest& request, const Masker& masker,
                    const LedgerSigner* signer) {
  Chain chain(request.identity, request.clock);
  std::string start;
  AppendSessionStartedPayload(start, {.mode = kTagMode, .command = kTagMode}, masker);
  std::string tagged;
  AppendTaggedPayload(tagged, request.session_id, request.tag, masker);
  std::string end;
  AppendSessionEndedPayload(end, {.exit_code = 0}, masker);
  const Entry first = Kept(chain.Next(kSessionStarted, std::move(start)));
  const Entry second = Kept(chain.Next(kSessionTagged, std::move(tagged)));
  const Entry last = Kept(chain.Next(kSessionEnded, std::move(end)));
  return store.Append(std::array{first.view(), second.view(), last.view()},
                      signer == nullptr ? nullptr : signer->AsCheckpointSigner());
}

}  // namespace aegis::ledger
