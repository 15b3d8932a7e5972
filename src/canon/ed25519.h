#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Ed25519 signatures (RFC 8032, pure, without context).
namespace aegis::canon {

// Bytes of one length, told apart from others of that length by what they are.
template <typename Tag, std::size_t Length>
struct FixedBytes {
  static constexpr std::size_t kSize = Length;
  std::array<std::uint8_t, Length> bytes{};

  // nullopt unless there are exactly as many bytes as the type holds.
  static std::optional<FixedBytes> From(std::string_view raw) {
    FixedBytes value;
    if (raw.size() != Length) {
      return std::nullopt;
    }
    std::transform(raw.begin(), raw.end(), value.bytes.begin(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    return value;
  }
  std::string_view view() const {
    // NOLINTNEXTLINE(bugprone-casting-through-void): bytes seen as characters
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), Length};
  }
  friend bool operator==(const FixedBytes&, const FixedBytes&) = default;
};

using Ed25519PublicKey = FixedBytes<struct Ed25519PublicKeyTag, 32>;
using Ed25519Signature = FixedBytes<struct Ed25519SignatureTag, 64>;

inline constexpr std::size_t kEd25519SeedSize = 32;

// Overwrites a secret and empties it; the compiler does not leave it out.
void Wipe(std::string& secret);

// Lets OpenSSL read its configuration and look its algorithms up, which the first signature would
// wait 2 ms for. Never needed; for moments in which nobody waits.
void PrepareToSign();

// A private key. Its memory is overwritten when it goes. One thread at a time.
class Ed25519Key {
 public:
  // A fresh key from the system's randomness; kUnavailable if there is none.
  static base::Result<Ed25519Key> Generate();
  // The key of a seed, which RFC 8032 calls the private key; kInvalid unless it has 32 bytes.
  static base::Result<Ed25519Key> FromSeed(std::string_view seed);

  ~Ed25519Key();
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;
  Ed25519Key(const Ed25519Key&) = delete;
  Ed25519Key& operator=(const Ed25519Key&) = delete;

  // The secret itself: whoever asks for it protects it and calls Wipe.
  std::string seed() const;
  const Ed25519PublicKey& public_key() const { return public_key_; }
  // The same message always gets the same signature.
  Ed25519Signature Sign(std::string_view message) const;

 private:
  struct State;
  explicit Ed25519Key(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  Ed25519PublicKey public_key_{};
};

// Whether a public key proves nothing: it is a point of small order, for which signatures exist
// that hold for any message; or it is not encoded as RFC 8032 says (y is not below 2^255 - 19). All
// 14 encodings of the 8 points of small order that decoders accept are found.
bool IsWeak(const Ed25519PublicKey& key);

// Whether the signature is that of the key's owner over this very message. Refused are weak keys,
// an S that is not below the group's order (so that nobody makes a second signature of one), and an
// encoding of R other than the one that is computed. The equation is the one without the cofactor.
// A key of mixed order or an R of small order, which only the key's owner can make, are accepted.
bool VerifyEd25519(const Ed25519PublicKey& key, std::string_view message,
                   const Ed25519Signature& signature);

}  // namespace aegis::canon
