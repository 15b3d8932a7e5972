#include "sandbox/handshake.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::sandbox {
namespace {

constexpr std::size_t kTextSize = 1024;

struct Message {
  enum class Kind : std::uint32_t { kFailure = 1, kOffer = 2, kMounted = 3, kSettled = 4 };
  Kind kind = Kind::kFailure;
  std::int32_t value = 0;  // kFailure: Errc; kOffer: the descriptor
  std::int32_t sys_errno = 0;
  std::uint32_t text_size = 0;
  std::array<char, kTextSize> text{};
};

bool Write(int socket, const Message& message) {
  ssize_t written = 0;
  do {
    written = ::write(socket, &message, sizeof message);
  } while (written < 0 && errno == EINTR);
  return written == static_cast<ssize_t>(sizeof message);
}

base::Result<> Tell(int socket, Message::Kind kind, int value, const char* attempted) {
  Message message;
  message.kind = kind;
  message.value = value;
  if (!Write(socket, message)) {
    return base::FailErrno(attempted);
  }
  return {};
}

base::Error ErrorOf(const Message& message) {
  const std::size_t size = std::min<std::size_t>(message.text_size, kTextSize);
  const bool known = message.value >= 0 && message.value <= static_cast<int>(base::Errc::kInternal);
  return {known ? static_cast<base::Errc>(message.value) : base::Errc::kInternal,
          std::string(message.text.data(), size), message.sys_errno};
}

struct Received {
  Message::Kind kind = Message::Kind::kFailure;
  std::int32_t value = 0;
  pid_t sender = 0;  // in the receiver's namespace (from the kernel)
};

// A message that is no failure.
base::Result<Received> Receive(int socket) {
  Message message;
  iovec part{&message, sizeof message};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t length = 0;
  do {
    length = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    return base::FailErrno("wait for the sandbox's init");
  }
  if (length != static_cast<ssize_t>(sizeof message)) {
    return base::Fail(base::Errc::kUnavailable, "the sandbox's init ended while starting");
  }
  if (message.kind == Message::Kind::kFailure) {
    return base::Fail(ErrorOf(message));
  }
  const cmsghdr* const credentials = CMSG_FIRSTHDR(&header);
  if (credentials == nullptr || credentials->cmsg_type != SCM_CREDENTIALS) {
    return base::Fail(base::Errc::kInternal, "no credentials came from inside the sandbox");
  }
  ucred sender{};
  std::memcpy(&sender, CMSG_DATA(credentials), sizeof sender);
  return Received{message.kind, message.value, sender.pid};
}

}  // namespace

void SendFailure(int socket, const base::Error& error) {
  Message message;
  message.value = static_cast<std::int32_t>(error.code());
  message.sys_errno = error.sys_errno();
  const std::string_view text = std::string_view(error.message()).substr(0, kTextSize);
  message.text_size = static_cast<std::uint32_t>(text.size());
  std::ranges::copy(text, message.text.begin());
  (void)Write(socket, message);
}

base::Result<> SendMounted(int socket) {
  return Tell(socket, Message::Kind::kMounted, 0, "say that /proc is mounted");
}

base::Result<> SendSettled(int socket) {
  return Tell(socket, Message::Kind::kSettled, 0, "say that init has settled");
}

base::Result<> SendOffer(int socket, int listener_fd) {
  return Tell(socket, Message::Kind::kOffer, listener_fd, "offer the seccomp listener");
}

base::Result<> AwaitAcceptance(int socket) {
  char byte = 0;
  ssize_t length = 0;
  do {
    length = ::read(socket, &byte, 1);
  } while (length < 0 && errno == EINTR);
  if (length != 1) {
    return base::Fail(base::Errc::kUnavailable, "the supervisor did not take the listener");
  }
  return {};
}

base::Result<> AwaitMounted(int socket) {
  AEGIS_ASSIGN(const Received received, Receive(socket));
  if (received.kind != Message::Kind::kMounted) {
    return base::Fail(base::Errc::kInternal, "the sandbox's init spoke out of turn");
  }
  return {};
}

base::Result<Offer> ReceiveOffer(int socket) {
  Offer offer;
  bool settled = false;
  while (!settled || offer.listener_fd < 0) {
    AEGIS_ASSIGN(const Received received, Receive(socket));
    if (received.kind == Message::Kind::kOffer) {
      offer = Offer{received.value, received.sender};
    }
    settled = settled || received.kind == Message::Kind::kSettled;
  }
  return offer;
}

base::Result<> AcceptOffer(int socket) {
  const char byte = 'A';
  if (::send(socket, &byte, 1, MSG_NOSIGNAL) != 1) {
    return base::FailErrno("let the command go on");
  }
  return {};
}

}  // namespace aegis::sandbox
