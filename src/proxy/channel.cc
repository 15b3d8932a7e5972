#include "proxy/channel.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/bytes.h"
#include "proxy/protocol.h"

namespace aegis::proxy {
namespace {

constexpr std::string_view kReceiving = "receive a message between proxy and supervisor";
constexpr std::string_view kSending = "send a message between proxy and supervisor";

struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(int) * kMostSockets)> bytes{};
};

// Takes what the kernel has put into this process' table.
std::vector<base::UniqueFd> DescriptorsIn(msghdr& header) {
  std::vector<base::UniqueFd> all;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      all.emplace_back(fd);
    }
  }
  return all;
}

}  // namespace

base::Result<> Send(int socket, std::span<const std::uint8_t> packet,
                    std::span<const int> descriptors) {
  AEGIS_CHECK(descriptors.size() <= kMostSockets);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the kernel only reads it
  iovec part{.iov_base = const_cast<std::uint8_t*>(packet.data()), .iov_len = packet.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Control control;
  if (!descriptors.empty()) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? base::FailErrno(kSending) : base::Result<>();
}

base::Result<std::optional<Bytes>> Receive(int socket) {
  Bytes packet(kLongestMessage + 1);
  ssize_t got = -1;
  do {
    got = ::recv(socket, packet.data(), packet.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) {
    return std::nullopt;
  }
  if (got < 0) {
    return base::FailErrno(kReceiving);
  }
  packet.resize(static_cast<std::size_t>(got));
  if (packet.size() > kLongestMessage) {
    return base::Fail(base::Errc::kInvalid, std::string(kReceiving) + ": it is too long");
  }
  return packet;
}

base::Result<std::optional<PacketWithDescriptors>> ReceiveWithDescriptors(int socket) {
  PacketWithDescriptors received{.packet = Bytes(kLongestMessage)};
  iovec part{.iov_base = received.packet.data(), .iov_len = received.packet.size()};
  Control control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got == 0 || (got < 0 && errno == ECONNRESET)) {
    return std::nullopt;
  }
  if (got < 0) {
    return base::FailErrno(kReceiving);
  }
  received.descriptors = DescriptorsIn(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return base::Fail(base::Errc::kInvalid, std::string(kReceiving) + ": it is too long");
  }
  received.packet.resize(static_cast<std::size_t>(got));
  return received;
}

}  // namespace aegis::proxy
