#include "canon/sha256.h"

#include <openssl/evp.h>

#include <memory>
#include <string_view>

#include "base/check.h"

namespace aegis::canon {

struct Sha256Hasher::State {
  EVP_MD* algorithm = nullptr;
  EVP_MD_CTX* context = nullptr;

  State() : algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context(EVP_MD_CTX_new()) {
    AEGIS_CHECK(algorithm != nullptr);
    AEGIS_CHECK(context != nullptr);
  }
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

std::string_view Sha256::view() const {
  // NOLINTNEXTLINE(bugprone-casting-through-void): bytes seen as characters
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::Begin() {
  AEGIS_CHECK(EVP_DigestInit_ex2(state_->context, state_->algorithm, nullptr) == 1);
}

void Sha256Hasher::Update(std::string_view part) {
  AEGIS_CHECK(EVP_DigestUpdate(state_->context, part.data(), part.size()) == 1);
}

Sha256 Sha256Hasher::Finish() {
  Sha256 digest;
  unsigned int size = 0;
  AEGIS_CHECK(EVP_DigestFinal_ex(state_->context, digest.bytes.data(), &size) == 1);
  AEGIS_CHECK(size == digest.bytes.size());
  return digest;
}

Sha256 Sha256Hasher::Hash(std::string_view message) {
  Begin();
  Update(message);
  return Finish();
}

Sha256 HashSha256(std::string_view message) { return Sha256Hasher().Hash(message); }

}  // namespace aegis::canon
