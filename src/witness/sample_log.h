#pragma once

// A log to be witnessed, for the module's tests and fuzz targets.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "witness/submission.h"

namespace aegis::witness {

inline constexpr std::uint64_t kNoFork = std::numeric_limits<std::uint64_t>::max();

// A log of numbered leaves; those from `fork` on are others, so that two logs with one key and
// different forks have two histories.
class TestLog {
 public:
  explicit TestLog(std::string_view name, std::uint64_t fork = kNoFork)
      : signer_(SignerOf(name).value()), fork_(fork) {}

  // A key that follows from the name.
  static base::Result<canon::NoteSigner> SignerOf(std::string_view name) {
    const canon::Sha256 seed = canon::HashSha256(name);
    AEGIS_ASSIGN(const auto key, canon::Ed25519Key::FromSeed(seed.view()));
    AEGIS_ASSIGN(const auto verifier,
                 canon::VerifierKey::Make(name, canon::SignatureType::kNote, key.public_key()));
    const std::string text = verifier.Text();
    return canon::NoteSigner::Parse("PRIVATE+KEY+" + std::string(name) + "+" +
                                    text.substr(name.size() + 1, 8) + "+" +
                                    canon::Base64Encode("\x01" + std::string(seed.view())));
  }

  const canon::NoteSigner& signer() const { return signer_; }
  const std::string& origin() const { return signer_.verifier().name; }
  canon::VerifierKey key() const { return signer_.verifier(); }

  canon::Sha256 Root(std::uint64_t size) const {
    Nodes nodes(fork_);
    return ledger::RootAt(size, nodes).value();
  }
  std::vector<canon::Sha256> Proof(std::uint64_t old_size, std::uint64_t size) const {
    Nodes nodes(fork_);
    return ledger::ProveConsistency(old_size, size, nodes).value();
  }
  canon::SignedNote Note(std::uint64_t size) const {
    const std::string text =
        ledger::Checkpoint{.origin = origin(), .size = size, .root = Root(size)}.BodyText();
    return {.text = text, .signatures = {signer_.Sign(text).value()}};
  }
  Submission Submit(std::uint64_t size) const {
    return {.origin = origin(),
            .size = size,
            .root = Root(size),
            .note = Note(size).Text(),
            .prove_consistency = [fork = fork_, size](std::uint64_t old_size) {
              Nodes nodes(fork);
              return ledger::ProveConsistency(old_size, size, nodes);
            }};
  }
  // The body of a request to a witness.
  std::string Request(std::uint64_t old_size, std::uint64_t size) const {
    return ledger::AddCheckpointRequest{
        .old_size = old_size, .proof = Proof(old_size, size), .checkpoint = Note(size)}
        .Text();
  }

 private:
  class Nodes final : public ledger::NodeSource {
   public:
    explicit Nodes(std::uint64_t fork) : fork_(fork) {}
    base::Result<canon::Sha256> Node(unsigned level, std::uint64_t index) override {
      if (level == 0) {
        return hasher_.Leaf((index < fork_ ? "leaf " : "other ") + std::to_string(index));
      }
      AEGIS_ASSIGN(const auto left, Node(level - 1, 2 * index));
      AEGIS_ASSIGN(const auto right, Node(level - 1, 2 * index + 1));
      return hasher_.Node(left, right);
    }

   private:
    ledger::MerkleHasher hasher_;
    std::uint64_t fork_;
  };

  canon::NoteSigner signer_;
  std::uint64_t fork_;
};

}  // namespace aegis::witness
