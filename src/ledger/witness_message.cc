#include "ledger/witness_message.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/lines.h"
#include "ledger/proof_text.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kOld = "old ";
// The old size, the hashes and the empty line take less than what is added here.
constexpr std::size_t kMaxRequest = canon::kMaxNote + 4096;

}  // namespace

Result<AddCheckpointRequest> AddCheckpointRequest::Parse(std::string_view body) {
  const auto malformed = [](const char* what) {
    return Fail(Errc::kInvalid, std::string("not a request to add a checkpoint: ") + what);
  };
  if (body.size() > kMaxRequest) {
    return Fail(Errc::kExhausted, "a request longer than is read");
  }
  const auto line = TakeLine(body);
  const auto old_size =
      line && line->starts_with(kOld) ? ParseDecimal(line->substr(kOld.size())) : std::nullopt;
  if (!old_size) {
    return malformed("no old size");
  }
  auto proof = TakeHashLines(body, kMaxProofHashes);
  if (!proof) {
    return malformed("a line is no hash, or there are too many");
  }
  if (TakeLine(body) != "") {
    return malformed("no checkpoint");
  }
  AEGIS_ASSIGN(auto note, canon::SignedNote::Parse(body));
  AEGIS_ASSIGN(const Checkpoint checkpoint, Checkpoint::Parse(note.text));
  if (*old_size > checkpoint.size) {
    return malformed("the old size is beyond the checkpoint's");
  }
  return AddCheckpointRequest{
      .old_size = *old_size, .proof = std::move(*proof), .checkpoint = std::move(note)};
}

std::string AddCheckpointRequest::Text() const {
  std::string body(kOld);
  body += std::to_string(old_size);
  body += '\n';
  AppendHashLines(body, proof);
  body += '\n';
  body += checkpoint.Text();
  return body;
}

Result<std::vector<canon::NoteSignature>> ParseCosignatures(std::string_view body) {
  AEGIS_ASSIGN(auto signatures, canon::ParseSignatureLines(body));
  if (signatures.empty()) {
    return Fail(Errc::kInvalid, "the witness's answer has no cosignature");
  }
  return signatures;
}

std::string CosignaturesText(const std::vector<canon::NoteSignature>& signatures) {
  std::string body;
  for (const canon::NoteSignature& signature : signatures) {
    body += signature.Line();
    body += '\n';
  }
  return body;
}

Result<std::uint64_t> ParseKnownSize(std::string_view body) {
  const auto line = TakeLine(body);
  const auto size = line && body.empty() ? ParseDecimal(*line) : std::nullopt;
  if (!size) {
    return Fail(Errc::kInvalid, "the witness's answer has no tree size");
  }
  return *size;
}

std::string KnownSizeText(std::uint64_t size) { return std::to_string(size) + '\n'; }

}  // namespace aegis::ledger
