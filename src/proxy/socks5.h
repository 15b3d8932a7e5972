#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proxy/bytes.h"
#include "proxy/host_port.h"
#include "proxy/parsed.h"

// The server's side of SOCKS5 (RFC 1928, RFC 1929): greeting, credentials where that is the method,
// request. Each reader is given what the client has sent since the one before was done. Pure
// functions over bytes that the agent chose.
namespace aegis::proxy {

enum class SocksMethod : std::uint8_t { kNone = 0, kPassword = 2 };

struct SocksGreeting {
  // kNone wherever it is offered, so that no credentials travel. kPassword exists because some
  // clients offer nothing else once they were configured with a name; any credentials will do,
  // since who may connect where is not decided by what the agent says of itself.
  SocksMethod method = SocksMethod::kNone;
  std::size_t size = 0;

  bool operator==(const SocksGreeting&) const = default;
};

// Credentials are passed over, and neither kept nor compared.
struct SocksCredentials {
  std::size_t size = 0;

  bool operator==(const SocksCredentials&) const = default;
};

// A CONNECT; there is no other request.
struct SocksRequest {
  HostPort target{};
  std::size_t size = 0;

  bool operator==(const SocksRequest&) const = default;
};

// The answer to a request (RFC 1928 §6).
enum class SocksReply : std::uint8_t {
  kGranted = 0,
  kFailed = 1,
  kNotAllowed = 2,  // by the policies
  kNetworkUnreachable = 3,
  kHostUnreachable = 4,
  kConnectionRefused = 5,
  kTimedOut = 6,
  kCommandNotSupported = 7,
  kAddressTypeNotSupported = 8,
};

Parsed<SocksGreeting> ParseSocksGreeting(std::span<const std::uint8_t> bytes);
Parsed<SocksCredentials> ParseSocksCredentials(std::span<const std::uint8_t> bytes);
Parsed<SocksRequest> ParseSocksRequest(std::span<const std::uint8_t> bytes);

Bytes BuildSocksMethod(SocksMethod method);
Bytes BuildSocksWelcome();  // to credentials
// Names 0.0.0.0:0 as the address that is connected from: the host's own is nobody's business.
Bytes BuildSocksReply(SocksReply reply);

}  // namespace aegis::proxy
