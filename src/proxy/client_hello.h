#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/parsed.h"

// The first message of a TLS client (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), as far as it says whom
// the client means to talk to. Pure functions over bytes that the agent chose.
namespace aegis::proxy {

// What ParseClientHello() reads at most, records' headers included: a client's message in ordinary
// records, or one of 5 KiB in records of one byte.
inline constexpr std::size_t kMostHelloBytes = std::size_t{32} * 1024;

struct ClientHello {
  // RFC 6066 §3: a host's name (IsHostName), in lower case. Nothing: the client names nobody.
  std::optional<std::string> server_name{};
  // Encrypted ClientHello (RFC 9849) or the encrypted server name of its drafts is there: the
  // server may be asked for another name than `server_name`. A client that only pretends (GREASE)
  // looks the same.
  bool encrypted = false;
  std::vector<std::string> alpn{};  // RFC 7301: any bytes, in the client's order
  bool early_data = false;          // application data may follow before the server has answered
  // The bytes that were read; what follows was not looked at. A client that is asked to (TLS 1.3,
  // HelloRetryRequest) sends a second ClientHello, which may name another server.
  std::size_t size = 0;

  bool operator==(const ClientHello&) const = default;
};

// Whether the first bytes can be those of TLS at all.
enum class TlsStart : std::uint8_t { kNeedMore, kYes, kNo };
TlsStart LooksLikeTls(std::span<const std::uint8_t> bytes);

// The ClientHello at the front of what the client has sent, over as many records as it took.
// Lengths nest exactly, extensions and server names are not repeated, and the record that ends the
// message holds nothing else. Refusals have no reply.
Parsed<ClientHello> ParseClientHello(std::span<const std::uint8_t> bytes);

}  // namespace aegis::proxy
