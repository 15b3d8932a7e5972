#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aegis::proxy {

// Reads numbers and vectors of network order from the front of memory that outlives it. What is too
// short sticks as !ok(): what is read from then on is 0 or empty.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> message) : message_(message) {}

  std::span<const std::uint8_t> Take(std::size_t count) {
    ok_ = ok_ && count <= message_.size() - at_;
    if (!ok_) {
      return {};
    }
    at_ += count;
    return message_.subspan(at_ - count, count);
  }
  std::uint8_t Number8() {
    const auto bytes = Take(1);
    return bytes.empty() ? std::uint8_t{0} : bytes[0];
  }
  std::uint16_t Number16() {
    constexpr unsigned kByteBits = 8;
    const unsigned high = Number8();
    return static_cast<std::uint16_t>(high << kByteBits | Number8());
  }
  // As many bytes as the number before them says.
  std::span<const std::uint8_t> Vector8() { return Take(Number8()); }
  std::span<const std::uint8_t> Vector16() { return Take(Number16()); }

  bool ok() const { return ok_; }
  bool AtEnd() const { return at_ == message_.size(); }
  // Everything was there, and nothing is left.
  bool Done() const { return ok_ && AtEnd(); }
  std::size_t at() const { return at_; }

 private:
  std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace aegis::proxy
