#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "proxy/bytes.h"
#include "proxy/ip_address.h"

// What the proxy and the supervisor tell each other over a SOCK_SEQPACKET socket, one message in
// each packet. Each kind has a fixed size: a tag first, numbers little-endian, unused bytes 0. A
// packet that is not exactly what Encode() writes is refused: the supervisor does not trust the
// proxy, which reads bytes of the agent and of the network.
namespace aegis::proxy {

inline constexpr std::size_t kMostAddresses = 8;
inline constexpr std::size_t kMostNameSockets = 2;
inline constexpr std::size_t kMostPublishedPorts = 32;
// Of one message: those of Start are the most.
inline constexpr std::size_t kMostSockets = 6 + kMostPublishedPorts;
inline constexpr std::size_t kLongestMessage = 1024;
inline constexpr std::size_t kLongestFailure = 500;

// The first message. With it come (SCM_RIGHTS) that many UDP sockets on which the proxy answers DNS
// queries; then, for IPv4 and IPv6, where there is a meeting port, two TCP sockets of the agent's
// network: a listener, and one that has never been connected. inside_sockets.h has what they and
// the port are for. Then, for each published port, a TCP socket of the host's network that listens.
struct Start {
  std::uint8_t name_sockets = 0;
  std::uint16_t meeting_port4 = 0;  // 0: no connections over this family
  std::uint16_t meeting_port6 = 0;
  std::vector<std::uint16_t> published{};  // ports inside; at most kMostPublishedPorts

  std::size_t sockets() const {
    return name_sockets + (meeting_port4 != 0 ? 2U : 0U) + (meeting_port6 != 0 ? 2U : 0U) +
           published.size();
  }

  bool operator==(const Start&) const = default;
};

// The proxy is confined and serves now.
struct Ready {
  bool operator==(const Ready&) const = default;
};

// The proxy can't serve, and ends.
struct Failed {
  std::string message{};  // made harmless for display; at most kLongestFailure bytes

  bool operator==(const Failed&) const = default;
};

// May somebody connect to a host of this name? The supervisor records a refusal.
struct NameQuestion {
  std::uint64_t id = 0;           // of the proxy's choice; never used twice
  Family family = Family::kNone;  // the addresses that are asked for; kNone: another record
  std::uint16_t client_port = 0;  // the source port of the agent's datagram
  // No host's name (IsHostName), but the written form of another one: always to be refused, and
  // the proxy answers that it does not exist whatever the verdict.
  bool odd = false;
  std::string name{};

  bool operator==(const NameQuestion&) const = default;
};

struct NameVerdict {
  std::uint64_t id = 0;
  bool allowed = false;

  bool operator==(const NameVerdict&) const = default;
};

// The addresses that an allowed name has outside, at least one.
struct NameAddresses {
  std::uint64_t id = 0;  // of the question
  std::string name{};    // a host's name, that of the question
  std::vector<IpAddress> addresses{};

  bool operator==(const NameAddresses&) const = default;
};

// The addresses that stand for them inside. None: the name is refused after all.
struct NameMapped {
  std::uint64_t id = 0;
  std::vector<IpAddress> addresses{};

  bool operator==(const NameMapped&) const = default;
};

// A connection that was permitted by the name of its host, to be relayed. With it come the socket
// outside, which is connecting, and the agent's, which waits to be met (inside_sockets.h).
struct NewConnection {
  std::uint64_t id = 0;  // never used twice
  std::string name{};    // a host's name
  std::uint16_t port = 0;

  bool operator==(const NewConnection&) const = default;
};

// Nobody is there any more: what was sent on connections that stand is still passed on, and then
// they end. No new ones come.
struct Finish {
  bool operator==(const Finish&) const = default;
};

// After Finish: every connection has ended.
struct Finished {
  bool operator==(const Finished&) const = default;
};

// Why a connection does not go on.
enum class Objection : std::uint8_t {
  kOtherName = 1,      // it asks for a host of another name: `seen`
  kNoName = 2,         // TLS without a server name
  kHiddenName = 3,     // TLS with an encrypted ClientHello
  kOtherProtocol = 4,  // neither TLS nor HTTP, or the server spoke first
  kMalformed = 5,      // TLS or HTTP that can't be read, or in two ways: `seen` says what
};
inline constexpr std::size_t kLongestSeen = 500;

// The proxy has ended a connection. The supervisor records it.
struct ConnectionRefused {
  std::uint64_t id = 0;
  Objection objection = Objection::kOtherName;
  std::string seen{};  // made harmless for display; at most kLongestSeen bytes

  bool operator==(const ConnectionRefused&) const = default;
};

// How many connections to published ports there were up to now.
struct PublishedUse {
  std::uint64_t connections = 0;

  bool operator==(const PublishedUse&) const = default;
};

using FromProxy = std::variant<Ready, Failed, NameQuestion, NameAddresses, ConnectionRefused,
                               Finished, PublishedUse>;
using FromSupervisor = std::variant<Start, NameVerdict, NameMapped, NewConnection, Finish>;

// What has more addresses than fit, or a name that is none, is a broken invariant.
Bytes Encode(const FromProxy& message);
Bytes Encode(const FromSupervisor& message);

// kInvalid for whatever Encode() does not write.
base::Result<FromProxy> DecodeFromProxy(std::span<const std::uint8_t> packet);
base::Result<FromSupervisor> DecodeFromSupervisor(std::span<const std::uint8_t> packet);

// A failure for the supervisor, its text made harmless and cut.
Failed FailureOf(std::string_view message);

// What was seen of a refused connection, made harmless and cut.
std::string SeenText(std::string_view bytes);

}  // namespace aegis::proxy
