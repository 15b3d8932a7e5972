#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/bytes.h"
#include "proxy/host_port.h"
#include "proxy/parsed.h"

// The head of an HTTP request for a tunnel (CONNECT, RFC 9110 §9.3.6, RFC 9112). Pure functions
// over bytes that the agent chose.
namespace aegis::proxy {

inline constexpr std::size_t kMostConnectBytes = std::size_t{16} * 1024;

struct ConnectRequest {
  HostPort target{};
  std::size_t size = 0;  // of the head; what follows is for the target

  bool operator==(const ConnectRequest&) const = default;
};

enum class ConnectReply : std::uint8_t {
  kEstablished,       // 200
  kBadRequest,        // 400
  kForbidden,         // 403: by the policies
  kMethodNotAllowed,  // 405: this proxy is for CONNECT alone
  kBadGateway,        // 502: the target could not be reached
};

// `CONNECT host:port HTTP/1.1`, or HTTP/1.0 as OpenSSL's and Python's clients say. Lines end in
// CRLF, bytes are printable ASCII, fields are neither folded nor say that there is a body, and
// there is at most one Host, of the target with its port or none.
Parsed<ConnectRequest> ParseConnectRequest(std::span<const std::uint8_t> bytes);

Bytes BuildConnectReply(ConnectReply reply);

}  // namespace aegis::proxy
