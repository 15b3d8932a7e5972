#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"

// Proofs as text. Parsing is strict: what parses is written back byte for byte. Nothing is
// verified.
namespace aegis::ledger {

// More hashes than any proof in a tree that can exist.
inline constexpr std::size_t kMaxProofHashes = 63;
inline constexpr std::size_t kMaxProofText = 2 * canon::kMaxNote;

// All that is needed to check, without asking anybody, that a log holds an entry
// (c2sp.org/tlog-proof, version 1).
struct LogProof {
  std::string extra{};                  // free bytes that nothing vouches for; often none
  std::uint64_t index = 0;              // of the entry
  std::vector<canon::Sha256> hashes{};  // from the leaf's sibling up
  canon::SignedNote checkpoint{};       // its text is that of a Checkpoint

  // kInvalid for another form, kExhausted beyond a limit.
  static base::Result<LogProof> Parse(std::string_view text);
  std::string Text() const;

  friend bool operator==(const LogProof&, const LogProof&) = default;
};

// A list of hashes (a consistency proof): base64, one a line, possibly none. At most
// kMaxProofHashes are read; kInvalid otherwise.
std::string HashListText(std::span<const canon::Sha256> hashes);
base::Result<std::vector<canon::Sha256>> ParseHashList(std::string_view text);

}  // namespace aegis::ledger
