#include "witness/cosigner.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/http_message.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

HttpReply Plain(unsigned status, std::string_view line) {
  return {
      .status = status, .content_type = std::string(kPlainText), .body = std::string(line) + "\n"};
}

HttpReply KnownSize(std::uint64_t size) {
  return {.status = 409, .content_type = "text/x.tlog.size", .body = ledger::KnownSizeText(size)};
}

std::string Named(const ledger::Checkpoint& checkpoint) {
  return base::ForDisplay(checkpoint.origin) + ", " + std::to_string(checkpoint.size) +
         " entries, root " + canon::Base64Encode(checkpoint.root.view());
}

}  // namespace

Cosigner::Cosigner(canon::NoteSigner signer, std::vector<canon::VerifierKey> logs,
                   CheckpointStore& store, Clock clock, Log log)
    : signer_(std::move(signer)),
      logs_(std::move(logs)),
      store_(store),
      clock_(std::move(clock)),
      log_(std::move(log)) {}

HttpReply Cosigner::Handle(const HttpRequest& request) {
  constexpr std::string_view kCheckpoint = "/checkpoint/";
  const bool get = request.method == "GET";
  if (request.path == "/add-checkpoint") {
    return request.method == "POST" ? AddCheckpoint(request.body)
                                    : Plain(405, "checkpoints are posted");
  }
  if (request.path == "/") {
    return get ? Overview() : Plain(405, "this is to be read");
  }
  if (request.path.starts_with(kCheckpoint)) {
    return get ? Show(std::string_view(request.path).substr(kCheckpoint.size()))
               : Plain(405, "this is to be read");
  }
  return Plain(404, "nothing here");
}

HttpReply Cosigner::AddCheckpoint(std::string_view body) {
  const auto request = ledger::AddCheckpointRequest::Parse(body);
  if (!request) {
    return Plain(400, request.error().message());
  }
  const auto checkpoint = ledger::Checkpoint::Parse(request->checkpoint.text);
  if (!checkpoint) {
    return Plain(400, checkpoint.error().message());
  }
  const std::vector<canon::VerifierKey> keys = KeysOf(checkpoint->origin);
  if (keys.empty()) {
    return Plain(404, "a log that is not known here");
  }
  if (!canon::VerifyNote(request->checkpoint, keys)) {
    return Plain(403, "no valid signature of a key that is known for this log");
  }
  return Extend(*request, *checkpoint);
}

// The log is known, and has signed.
HttpReply Cosigner::Extend(const ledger::AddCheckpointRequest& request,
                           const ledger::Checkpoint& checkpoint) {
  const auto known = Known(checkpoint.origin);
  if (!known) {
    return Failed(known.error());
  }
  const ledger::Checkpoint old = known->value_or(
      ledger::Checkpoint{.origin = checkpoint.origin, .size = 0, .root = ledger::EmptyRoot()});
  if (request.old_size != old.size) {
    return KnownSize(old.size);
  }
  if (old.size == checkpoint.size && old.root != checkpoint.root && request.proof.empty()) {
    log_("TWO HISTORIES: " + Named(checkpoint) + "; known is root " +
         canon::Base64Encode(old.root.view()));
    if (const auto kept = store_.KeepConflict(checkpoint.origin, request.checkpoint); !kept) {
      log_(kept.error().message());
    }
    return KnownSize(old.size);
  }
  if (!ledger::VerifyConsistency(old.size, old.root, checkpoint.size, checkpoint.root,
                                 request.proof)) {
    log_("not proved to extend the " + std::to_string(old.size) +
         " entries that are known: " + Named(checkpoint));
    return Plain(422, "the proof does not show that the known tree is extended");
  }
  return Cosign(request, checkpoint);
}

HttpReply Cosigner::Cosign(const ledger::AddCheckpointRequest& request,
                           const ledger::Checkpoint& checkpoint) {
  const auto cosignature = signer_.Cosign(request.checkpoint.text, clock_());
  if (!cosignature) {
    return Failed(cosignature.error());
  }
  // Only lines that were verified are kept: ours, and those of the log's keys.
  canon::SignedNote cosigned{.text = request.checkpoint.text};
  const auto keys = KeysOf(checkpoint.origin);
  for (const canon::NoteSignature& signature : request.checkpoint.signatures) {
    if (std::ranges::any_of(keys, [&signature](const canon::VerifierKey& key) {
          return key.name == signature.name && key.id == signature.id;
        })) {
      cosigned.signatures.push_back(signature);
      break;
    }
  }
  cosigned.signatures.push_back(*cosignature);
  // INVARIANT: no cosignature leaves before the checkpoint is remembered.
  if (const auto stored = store_.Put(checkpoint.origin, cosigned); !stored) {
    return Failed(stored.error());
  }
  log_("cosigned " + Named(checkpoint));
  return {.status = 200,
          .content_type = std::string(kPlainText),
          .body = ledger::CosignaturesText({*cosignature})};
}

HttpReply Cosigner::Overview() {
  std::string text = "A witness of transparency logs (c2sp.org/tlog-witness).\n\nverifier key\n  " +
                     signer_.cosigner().Text() + "\n";
  std::set<std::string> origins;
  for (const canon::VerifierKey& key : logs_) {
    origins.insert(key.name);
  }
  for (const std::string& origin : origins) {
    const auto known = Known(origin);
    const std::string state = !known                ? "its state here is damaged"
                              : !known->has_value() ? "nothing cosigned yet"
                                                    : std::to_string((*known)->size) + " entries";
    text += "\n" + base::ForDisplay(origin) + "\n  " + state + "\n  /checkpoint/" +
            canon::HexEncode(canon::HashSha256(origin).view()) + "\n";
  }
  return {.status = 200, .content_type = std::string(kPlainText), .body = std::move(text)};
}

HttpReply Cosigner::Show(std::string_view hex) {
  const auto key = std::ranges::find_if(logs_, [hex](const canon::VerifierKey& one) {
    return canon::HexEncode(canon::HashSha256(one.name).view()) == hex;
  });
  if (key == logs_.end()) {
    return Plain(404, "a log that is not known here");
  }
  const auto latest = store_.Latest(key->name);
  if (!latest) {
    return Failed(latest.error());
  }
  if (!latest->has_value()) {
    return Plain(404, "nothing cosigned yet");
  }
  return {.status = 200, .content_type = std::string(kPlainText), .body = (*latest)->Text()};
}

HttpReply Cosigner::Failed(const base::Error& error) {
  log_(error.message());
  return Plain(500, "the witness has failed; its operator is told why");
}

Result<std::optional<ledger::Checkpoint>> Cosigner::Known(const std::string& origin) {
  AEGIS_ASSIGN(const auto note, store_.Latest(origin));
  if (!note) {
    return std::nullopt;
  }
  const std::vector own = {signer_.cosigner()};
  const auto checkpoint = ledger::Checkpoint::Parse(note->text);
  if (!checkpoint || checkpoint->origin != origin || !canon::VerifyNote(*note, own)) {
    return Fail(Errc::kCorrupt, "what is kept of " + base::ForDisplay(origin) +
                                    " was not cosigned by this witness's key");
  }
  return *checkpoint;
}

std::vector<canon::VerifierKey> Cosigner::KeysOf(std::string_view origin) const {
  std::vector<canon::VerifierKey> keys;
  std::ranges::copy_if(logs_, std::back_inserter(keys),
                       [origin](const canon::VerifierKey& key) { return key.name == origin; });
  return keys;
}

}  // namespace aegis::witness
