#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/bytes.h"

// For tests only: writes ClientHellos, wrong ones too.
namespace aegis::proxy::testing_support {

inline void Append(Bytes& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {  // g++ 12 warns of insert() (-Warray-bounds) for nothing
    out.push_back(byte);
  }
}

inline void AppendNumber(Bytes& out, std::size_t number, unsigned bytes) {
  for (unsigned left = bytes; left > 0; --left) {
    out.push_back(static_cast<std::uint8_t>(number >> 8 * (left - 1) & 0xffU));
  }
}

// The bytes behind their length, a number of `length_bytes`.
inline Bytes Vector(unsigned length_bytes, std::span<const std::uint8_t> bytes) {
  Bytes out;
  AppendNumber(out, bytes.size(), length_bytes);
  Append(out, bytes);
  return out;
}

struct TestExtension {
  std::uint16_t type = 0;
  Bytes data{};
};

inline TestExtension ServerNameExtension(std::string_view name, std::uint8_t type = 0) {
  Bytes entry = {type};
  Append(entry, Vector(2, Bytes(name.begin(), name.end())));
  return {.type = 0, .data = Vector(2, entry)};
}

inline TestExtension AlpnExtension(const std::vector<std::string_view>& protocols) {
  Bytes list;
  for (const std::string_view protocol : protocols) {
    Append(list, Vector(1, Bytes(protocol.begin(), protocol.end())));
  }
  return {.type = 16, .data = Vector(2, list)};
}

struct TestHello {
  std::uint16_t version = 0x0303;
  std::size_t session_id_bytes = 32;
  Bytes ciphers = {0x13, 0x01, 0xc0, 0x2f};
  Bytes compression = {0};
  std::optional<std::vector<TestExtension>> extensions = std::vector<TestExtension>();

  // The handshake message.
  Bytes Message() const {
    Bytes body;
    AppendNumber(body, version, 2);
    Append(body, Bytes(32, 0x5a));
    Append(body, Vector(1, Bytes(session_id_bytes, 0xa5)));
    Append(body, Vector(2, ciphers));
    Append(body, Vector(1, compression));
    if (extensions) {
      Bytes list;
      for (const TestExtension& extension : *extensions) {
        AppendNumber(list, extension.type, 2);
        Append(list, Vector(2, extension.data));
      }
      Append(body, Vector(2, list));
    }
    Bytes message = {1};
    Append(message, Vector(3, body));
    return message;
  }
};

inline Bytes Record(std::span<const std::uint8_t> fragment, std::uint8_t type = 0x16) {
  Bytes out = {type, 3, 1};
  Append(out, Vector(2, fragment));
  return out;
}

// The message in records of at most `size` bytes.
inline Bytes Records(std::span<const std::uint8_t> message, std::size_t size = 16384) {
  Bytes out;
  while (!message.empty()) {
    const std::size_t count = std::min(size, message.size());
    Append(out, Record(message.first(count)));
    message = message.subspan(count);
  }
  return out;
}

inline Bytes HelloWith(std::vector<TestExtension> extensions) {
  TestHello hello;
  hello.extensions = std::move(extensions);
  return Records(hello.Message());
}

}  // namespace aegis::proxy::testing_support
