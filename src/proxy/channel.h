#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/bytes.h"

// Packets of the protocol over a SOCK_SEQPACKET socket. An error's sys_errno() is EAGAIN where a
// socket that does not block would.
namespace aegis::proxy {

base::Result<> Send(int socket, std::span<const std::uint8_t> packet,
                    std::span<const int> descriptors = {});

// Nothing at the end: the other side is gone. Descriptors that come along are closed by the kernel,
// not received. A packet longer than any message is kInvalid.
base::Result<std::optional<Bytes>> Receive(int socket);

struct PacketWithDescriptors {
  Bytes packet{};
  std::vector<base::UniqueFd> descriptors{};  // close-on-exec, at most protocol.h's kMostSockets
};

// As Receive(), with the descriptors that come along; more than fit are kInvalid.
base::Result<std::optional<PacketWithDescriptors>> ReceiveWithDescriptors(int socket);

}  // namespace aegis::proxy
