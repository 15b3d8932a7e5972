// Proofs, lists of hashes and the messages of witnesses that parse are written back as they were;
// verifying what they say is safe.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "canon/canon.h"
#include "ledger/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aegis::ledger::Checkpoint;
  namespace ledger = aegis::ledger;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto leaf = aegis::canon::HashSha256("leaf");
  if (const auto proof = ledger::LogProof::Parse(text)) {
    AEGIS_CHECK(proof->Text() == text);
    const auto tree = Checkpoint::Parse(proof->checkpoint.text);
    AEGIS_CHECK(tree && proof->checkpoint.text.starts_with(tree->BodyText()));
    AEGIS_CHECK(
        !ledger::VerifyInclusion(leaf, proof->index, tree->size, proof->hashes, tree->root) ||
        proof->index < tree->size);
  }
  if (const auto request = ledger::AddCheckpointRequest::Parse(text)) {
    AEGIS_CHECK(request->Text() == text);
    const auto tree = Checkpoint::Parse(request->checkpoint.text);
    AEGIS_CHECK(tree && request->old_size <= tree->size);
    (void)ledger::VerifyConsistency(request->old_size, leaf, tree->size, tree->root,
                                    request->proof);
  }
  if (const auto hashes = ledger::ParseHashList(text)) {
    AEGIS_CHECK(ledger::HashListText(*hashes) == text);
  }
  if (const auto cosignatures = ledger::ParseCosignatures(text)) {
    AEGIS_CHECK(ledger::CosignaturesText(*cosignatures) == text);
  }
  if (const auto known = ledger::ParseKnownSize(text)) {
    AEGIS_CHECK(ledger::KnownSizeText(*known) == text);
  }
  return 0;
}
