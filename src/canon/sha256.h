#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace aegis::canon {

// A SHA-256 digest.
struct Sha256 {
  std::array<std::uint8_t, 32> bytes{};

  friend bool operator==(const Sha256&, const Sha256&) = default;
  std::string_view view() const;
};

// Computes SHA-256 with the fastest code that OpenSSL has for this machine. Keep one for many
// messages. One thread at a time; may be used after fork().
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  Sha256 Hash(std::string_view message);

  // A message in parts: Begin, Update any number of times, Finish.
  void Begin();
  void Update(std::string_view part);
  Sha256 Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest of one message, for code that hashes rarely.
Sha256 HashSha256(std::string_view message);

}  // namespace aegis::canon
