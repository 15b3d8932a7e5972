#include "ledger/import.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/entry.h"
#include "ledger/purge_record.h"
#include "ledger/session.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

// Bounds one transaction.
constexpr std::size_t kMaxGroup = 1024;
constexpr std::size_t kMaxGroupBytes = std::size_t{8} << 20U;

std::unexpected<base::Error> Refuse(std::string what) {
  return Fail(Errc::kInvalid, std::move(what));
}

std::unexpected<base::Error> Forked(std::string_view session_id) {
  return Fail(Errc::kConflict,
              "session " + base::EscapeName(session_id) + ": the ledger holds other entries of it");
}

// What a purge leaves of an entry. Whatever else stood there would be missing when it is written
// again.
std::optional<Entry> ParseRemains(std::string_view canonical) {
  Entry entry;
  const auto hash = canon::StringMember(canonical, "hash");
  const auto digest = hash ? canon::Sha256FromHex(*hash) : std::nullopt;
  const auto seq = canon::IntegerMember(canonical, "seq");
  entry.identity = {
      .tenant_id = canon::StringMember(canonical, "tenant_id").value_or(std::string()),
      .user_id = {},
      .session_id = canon::StringMember(canonical, "session_id").value_or(std::string())};
  if (!digest || !seq || *seq < 0) {
    return std::nullopt;
  }
  entry.hash = *digest;
  entry.seq = static_cast<std::uint64_t>(*seq);
  if (const auto prev_hash = canon::StringMember(canonical, "prev_hash")) {
    entry.prev_hash = canon::Sha256FromBase64(*prev_hash);
  }
  EntryView view = entry.view();
  view.erased = true;
  std::string again;
  AppendEnvelope(again, view);
  const bool linked = entry.prev_hash.has_value() == (entry.seq > 0);
  return linked && again == canonical ? std::optional(std::move(entry)) : std::nullopt;
}

Result<> CheckLimits(const Entry& entry, bool erased) {
  if (!IsValidSessionId(entry.identity.session_id)) {
    return Refuse("session_id is none that Aegis makes");
  }
  if (std::max(entry.identity.tenant_id.size(), entry.identity.user_id.size()) > kMaxIdLength) {
    return Refuse("tenant_id or user_id is too long");
  }
  if (!erased && (entry.event_type.empty() || entry.event_type.size() > kMaxIdLength)) {
    return Refuse("event_type is empty or too long");
  }
  return entry.payload.size() <= kMaxPayload ? Result<>() : Refuse("payload is too long");
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

Result<Importer::Line> Importer::Parse(std::string_view text) {
  AEGIS_ASSIGN(const std::string canonical, canon::Canonicalize(text));
  Line line;
  if (auto entry = ParseEnvelope(canonical)) {
    line.entry = std::move(*entry);
  } else if (auto remains = ParseRemains(canonical)) {
    line.entry = std::move(*remains);
    line.erased = true;
  } else {
    return Refuse("no envelope: a member is missing, unknown or of a wrong form");
  }
  AEGIS_TRY(CheckLimits(line.entry, line.erased));
  return line;
}

Result<> Importer::Add(std::string_view bytes) {
  while (!bytes.empty() && !stopped_) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const bool whole = end < bytes.size();
    if (partial_.size() + end > kMaxLine) {
      ++line_;
      Stop(base::Error(Errc::kInvalid, "longer than " + std::to_string(kMaxLine) + " bytes"));
      break;
    }
    partial_ += bytes.substr(0, end);
    bytes.remove_prefix(whole ? end + 1 : end);
    if (whole) {
      TakeLine();
    }
  }
  return stopped_ ? Result<>(Fail(*stopped_)) : Result<>();
}

Result<> Importer::Finish() {
  if (!stopped_) {
    TakeLine();
  }
  for (auto chain = chains_.begin(); !stopped_ && chain != chains_.end(); ++chain) {
    line_ = chain->second.line;
    if (auto checked = CheckStored(chain->second); !checked) {
      Stop(std::move(checked).error());
    }
  }
  if (!stopped_) {
    AEGIS_TRY(Flush());
  }
  return stopped_ ? Result<>(Fail(*stopped_)) : Result<>();
}

// What came before is good and is stored, so that nothing is lost silently.
void Importer::Stop(base::Error error) {
  stopped_ = std::move(error).Within("line " + std::to_string(line_));
  if (auto flushed = Flush(); !flushed) {
    stopped_ = std::move(flushed).error();
  }
}

void Importer::TakeLine() {
  const std::string text = std::exchange(partial_, {});
  ++line_;
  if (IsBlank(text)) {
    return;
  }
  auto line = Parse(text);
  auto taken = line ? Take(std::move(*line)) : Result<>(Fail(std::move(line).error()));
  if (taken) {
    ++report_.lines;
  } else {
    Stop(std::move(taken).error());
  }
}

Result<> Importer::Take(Line line) {
  const Entry& entry = line.entry;
  AEGIS_TRY(Rewind(entry));
  const auto known = chains_.find(entry.identity.session_id);
  const bool begins = known == chains_.end();
  Chain chain;
  if (begins) {
    AEGIS_ASSIGN(chain.stored, target_.FindSession(entry.identity.session_id));
  } else {
    chain = std::move(known->second);
  }
  AEGIS_TRY(CheckLink(entry, chain, begins));
  AEGIS_TRY(CheckOwner(line, chain, begins));
  if (!line.erased && HashEntry(hasher_, entry.view(), scratch_) != entry.hash) {
    return Refuse("the hash does not match the content");
  }
  const bool present = chain.stored && entry.seq <= chain.stored->head_seq;
  if (present && entry.seq == chain.stored->head_seq && entry.hash != chain.stored->head_hash) {
    return Forked(entry.identity.session_id);
  }
  chain.passed = chain.passed || (!present && IsOfAPurge(line, chain));
  chain.seq = entry.seq;
  chain.hash = entry.hash;
  chain.line = line_;
  const bool passed = chain.passed;
  chains_.insert_or_assign(entry.identity.session_id, std::move(chain));
  report_.present += present ? 1 : 0;
  report_.passed += passed ? 1 : 0;
  return present || passed ? Result<>() : Keep(std::move(line.entry));
}

// What a purge left of an entry, or its record: with the beginning of its session, so that no
// session without an end is added.
bool Importer::IsOfAPurge(const Line& line, const Chain& chain) {
  const Entry& entry = line.entry;
  constexpr std::string_view kMode = "purge";
  return line.erased || entry.event_type == kContentErased ||
         (chain.stored && chain.stored->mode == kMode) ||
         (entry.seq == 0 && entry.event_type == kSessionStarted &&
          canon::StringMember(entry.payload, "mode") == kMode);
}

// A session may come once more from an earlier entry on, as when two exports were joined. By now
// its entries are stored.
Result<> Importer::Rewind(const Entry& entry) {
  const auto known = chains_.find(entry.identity.session_id);
  if (known == chains_.end() || entry.seq > known->second.seq) {
    return {};
  }
  AEGIS_TRY(CheckStored(known->second));
  chains_.erase(known);
  return Flush();
}

Result<> Importer::CheckLink(const Entry& entry, const Chain& chain, bool begins) {
  if (begins && chain.stored && entry.seq <= chain.stored->head_seq) {
    return {};  // its hash says what was before it, and is held against the ledger's
  }
  if (begins && !chain.stored) {
    return entry.seq == 0
               ? Result<>()
               : Refuse("session " + base::EscapeName(entry.identity.session_id) +
                        ": its entries before seq " + std::to_string(entry.seq) + " are missing");
  }
  const std::uint64_t last = begins ? chain.stored->head_seq : chain.seq;
  if (entry.seq != last + 1) {
    return Refuse("session " + base::EscapeName(entry.identity.session_id) +
                  ": entries are missing from seq " + std::to_string(last + 1));
  }
  if (entry.prev_hash == (begins ? chain.stored->head_hash : chain.hash)) {
    return {};
  }
  return begins ? Result<>(Forked(entry.identity.session_id))
                : Refuse("prev_hash is not the hash of the entry before it");
}

Result<> Importer::CheckOwner(const Line& line, Chain& chain, bool begins) {
  const Identity& identity = line.entry.identity;
  if (begins) {
    chain.tenant_id = chain.stored ? chain.stored->tenant_id : identity.tenant_id;
    chain.user_id = chain.stored ? chain.stored->user_id : std::string();
  }
  if (chain.user_id.empty()) {
    chain.user_id = identity.user_id;
  }
  return identity.tenant_id == chain.tenant_id && (line.erased || identity.user_id == chain.user_id)
             ? Result<>()
             : Refuse("tenant or user differ from the session's");
}

// An input that ends before the stored head never met it.
Result<> Importer::CheckStored(const Chain& chain) {
  if (!chain.stored || chain.seq >= chain.stored->head_seq) {
    return {};
  }
  AEGIS_ASSIGN(const bool holds, target_.Holds(*chain.stored, chain.seq, chain.hash));
  return holds ? Result<>() : Forked(chain.stored->session_id);
}

Result<> Importer::Keep(Entry entry) {
  group_bytes_ += entry.payload.size();
  group_.push_back(std::move(entry));
  return group_.size() < kMaxGroup && group_bytes_ < kMaxGroupBytes ? Result<>() : Flush();
}

Result<> Importer::Flush() {
  if (group_.empty()) {
    return {};
  }
  const std::vector<Entry> group = std::exchange(group_, {});
  group_bytes_ = 0;
  std::vector<EntryView> views;
  views.reserve(group.size());
  for (const Entry& entry : group) {
    views.push_back(entry.view());
  }
  AEGIS_TRY(target_.Append(views));
  report_.stored += views.size();
  return {};
}

}  // namespace aegis::ledger
