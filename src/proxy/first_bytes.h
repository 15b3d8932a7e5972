#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/protocol.h"

// What a client sends first, on a connection that was permitted by the name of its host. Pure
// functions over bytes that the agent chose.
namespace aegis::proxy {

struct FirstBytes {
  enum class Meaning : std::uint8_t {
    kNeedsMore,
    kTls,   // for the host
    kHttp,  // its requests are to be judged
    kObjection,
  };
  Meaning meaning = Meaning::kNeedsMore;
  Objection objection = Objection::kOtherProtocol;
  std::string seen{};  // with kObjection: any bytes
};

// `bytes` are all that the client has sent; `name` is the host's.
FirstBytes ReadFirstBytes(std::span<const std::uint8_t> bytes, std::string_view name);

// What tells a client in its own protocol that it is refused: an alert of TLS (RFC 8446, section
// 6), a response of HTTP; nothing where neither is spoken. `bytes` are what it has sent first.
std::string RefusalFor(std::span<const std::uint8_t> bytes, const ConnectionRefused& refused,
                       std::string_view name);
// The response of HTTP.
std::string HttpRefusal(const ConnectionRefused& refused, std::string_view name);

}  // namespace aegis::proxy
