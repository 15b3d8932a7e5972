#include "ledger/proof_text.h"

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/checkpoint.h"
#include "ledger/lines.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

std::unexpected<base::Error> Malformed(const char* what) {
  return Fail(Errc::kInvalid, std::string("not a proof: ") + what);
}

// Takes the lines from the front of `rest` up to and with the empty one before the checkpoint.
Result<> TakeHead(std::string_view& rest, LogProof& proof) {
  if (TakeLine(rest) != kHeader) {
    return Malformed("the first line is not that of version 1");
  }
  auto line = TakeLine(rest);
  if (line && line->starts_with(kExtra)) {
    auto extra = canon::Base64Decode(line->substr(kExtra.size()));
    if (!extra || extra->empty()) {
      return Malformed("the extra data is not base64");
    }
    proof.extra = std::move(*extra);
    line = TakeLine(rest);
  }
  const auto index =
      line && line->starts_with(kIndex) ? ParseDecimal(line->substr(kIndex.size())) : std::nullopt;
  if (!index) {
    return Malformed("no index");
  }
  proof.index = *index;
  auto hashes = TakeHashLines(rest, kMaxProofHashes);
  if (!hashes) {
    return Malformed("a line is no hash, or there are too many");
  }
  proof.hashes = std::move(*hashes);
  return TakeLine(rest) == "" ? Result<>() : Malformed("no checkpoint");
}

}  // namespace

Result<LogProof> LogProof::Parse(std::string_view text) {
  if (text.size() > kMaxProofText) {
    return Fail(Errc::kExhausted, "a proof longer than is read");
  }
  LogProof proof;
  AEGIS_TRY(TakeHead(text, proof));
  AEGIS_ASSIGN(proof.checkpoint, canon::SignedNote::Parse(text));
  AEGIS_TRY(Checkpoint::Parse(proof.checkpoint.text));
  return proof;
}

std::string LogProof::Text() const {
  std::string text(kHeader);
  text += '\n';
  if (!extra.empty()) {
    text += kExtra;
    canon::AppendBase64(text, extra);
    text += '\n';
  }
  text += kIndex;
  text += std::to_string(index);
  text += '\n';
  AppendHashLines(text, hashes);
  text += '\n';
  text += checkpoint.Text();
  return text;
}

std::string HashListText(std::span<const canon::Sha256> hashes) {
  std::string text;
  AppendHashLines(text, hashes);
  return text;
}

Result<std::vector<canon::Sha256>> ParseHashList(std::string_view text) {
  auto hashes = TakeHashLines(text, kMaxProofHashes);
  if (!hashes || !text.empty()) {
    return Fail(Errc::kInvalid, "not a list of hashes: a line is no hash, or there are too many");
  }
  return std::move(*hashes);
}

}  // namespace aegis::ledger
