#include "canon/ed25519.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/result.h"

namespace aegis::canon {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// Takes what failed calls leave in the thread's error queue, where others would find it.
class ErrorMark {
 public:
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
};

const unsigned char* Bytes(std::string_view text) {
  // NOLINTNEXTLINE(bugprone-casting-through-void): characters seen as bytes
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}
unsigned char* Bytes(std::string& text) {
  // NOLINTNEXTLINE(bugprone-casting-through-void): characters seen as bytes
  return static_cast<unsigned char*>(static_cast<void*>(text.data()));
}

// The y coordinates, little-endian, of the points of small order; x may have either sign.
using Coordinate = std::array<std::uint8_t, 32>;
constexpr std::uint8_t kPrimeLow = 0xed;  // the lowest byte of p = 2^255 - 19
constexpr Coordinate WithPrimesUpperBytes(std::uint8_t low) {
  Coordinate y{};
  y.fill(0xff);
  y.front() = low;
  y.back() = 0x7f;
  return y;
}
constexpr std::array<Coordinate, 5> kSmallOrder = {{
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    WithPrimesUpperBytes(kPrimeLow - 1),
}};

}  // namespace

struct Ed25519Key::State {
  KeyPtr key;
};

void Wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

void PrepareToSign() {
  if (const auto key = Ed25519Key::FromSeed(std::string(kEd25519SeedSize, '\0'))) {
    (void)key->Sign({});
  }
}

Ed25519Key::Ed25519Key(std::unique_ptr<State> state) : state_(std::move(state)) {
  std::size_t size = public_key_.bytes.size();
  AEGIS_CHECK(EVP_PKEY_get_raw_public_key(state_->key.get(), public_key_.bytes.data(), &size) ==
                  1 &&
              size == public_key_.bytes.size());
}
Ed25519Key::~Ed25519Key() = default;
Ed25519Key::Ed25519Key(Ed25519Key&&) noexcept = default;
Ed25519Key& Ed25519Key::operator=(Ed25519Key&&) noexcept = default;

Result<Ed25519Key> Ed25519Key::Generate() {
  const ErrorMark mark;
  std::string seed(kEd25519SeedSize, '\0');
  if (RAND_priv_bytes(Bytes(seed), static_cast<int>(seed.size())) != 1) {
    return Fail(Errc::kUnavailable, "make a key: the system gives no randomness");
  }
  auto key = FromSeed(seed);
  Wipe(seed);
  return key;
}

Result<Ed25519Key> Ed25519Key::FromSeed(std::string_view seed) {
  if (seed.size() != kEd25519SeedSize) {
    return Fail(Errc::kInvalid, "the seed of an Ed25519 key has 32 bytes");
  }
  const ErrorMark mark;
  KeyPtr key(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, Bytes(seed), seed.size()));
  if (key == nullptr) {
    return Fail(Errc::kUnsupported, "this OpenSSL has no Ed25519");
  }
  return Ed25519Key(std::make_unique<State>(std::move(key)));
}

std::string Ed25519Key::seed() const {
  std::string seed(kEd25519SeedSize, '\0');
  std::size_t size = seed.size();
  AEGIS_CHECK(EVP_PKEY_get_raw_private_key(state_->key.get(), Bytes(seed), &size) == 1 &&
              size == seed.size());
  return seed;
}

Ed25519Signature Ed25519Key::Sign(std::string_view message) const {
  Ed25519Signature signature;
  std::size_t size = signature.bytes.size();
  const ContextPtr context(EVP_MD_CTX_new());
  AEGIS_CHECK(context != nullptr);
  AEGIS_CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr,
                                    state_->key.get(), nullptr) == 1);
  AEGIS_CHECK(EVP_DigestSign(context.get(), signature.bytes.data(), &size, Bytes(message),
                             message.size()) == 1);
  AEGIS_CHECK(size == signature.bytes.size());
  return signature;
}

bool IsWeak(const Ed25519PublicKey& key) {
  Coordinate y = key.bytes;
  y.back() &= 0x7fU;
  const bool below_prime = y.front() < kPrimeLow || y != WithPrimesUpperBytes(y.front());
  return !below_prime || std::find(kSmallOrder.begin(), kSmallOrder.end(), y) != kSmallOrder.end();
}

bool VerifyEd25519(const Ed25519PublicKey& key, std::string_view message,
                   const Ed25519Signature& signature) {
  if (IsWeak(key)) {
    return false;
  }
  const ErrorMark mark;
  const KeyPtr pkey(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key.bytes.data(),
                                                   key.bytes.size()));
  const ContextPtr context(EVP_MD_CTX_new());
  if (pkey == nullptr || context == nullptr ||
      EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, pkey.get(),
                              nullptr) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), signature.bytes.data(), signature.bytes.size(),
                          Bytes(message), message.size()) == 1;
}

}  // namespace aegis::canon
