#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"

// What a log and a witness say to each other over HTTP (c2sp.org/tlog-witness). Parsing is strict:
// what parses is written back byte for byte. Nothing is verified.
namespace aegis::ledger {

// The body of a request to add-checkpoint.
struct AddCheckpointRequest {
  std::uint64_t old_size = 0;          // of the tree that the witness is thought to know
  std::vector<canon::Sha256> proof{};  // from that tree to the checkpoint's
  canon::SignedNote checkpoint{};      // its text is that of a Checkpoint

  // kInvalid for another form, more than 63 hashes, or an old size beyond the checkpoint's;
  // kExhausted for what is too long.
  static base::Result<AddCheckpointRequest> Parse(std::string_view body);
  std::string Text() const;

  friend bool operator==(const AddCheckpointRequest&, const AddCheckpointRequest&) = default;
};

// The body of a response 200: the lines of the witness's cosignatures, at least one.
base::Result<std::vector<canon::NoteSignature>> ParseCosignatures(std::string_view body);
std::string CosignaturesText(const std::vector<canon::NoteSignature>& signatures);

// The body of a response 409: the size of the tree that the witness does know.
base::Result<std::uint64_t> ParseKnownSize(std::string_view body);
std::string KnownSizeText(std::uint64_t size);

}  // namespace aegis::ledger
