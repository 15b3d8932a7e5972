#include "gate/messages.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "base/result.h"

namespace aegis::gate {

namespace {

constexpr std::size_t kLongest = 4096;

// Room for one descriptor that goes with a message.
struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

msghdr HeaderOf(iovec& data, Control& control) {
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  return header;
}

base::Result<> SendBytes(int socket, const std::string& bytes) {
  ssize_t sent = 0;
  do {
    sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent != static_cast<ssize_t>(bytes.size())) {
    return base::FailErrno("send between launcher and supervisor");
  }
  return {};
}

}  // namespace

base::Result<> Send(int socket, Message message) {
  return SendBytes(socket, std::string(1, static_cast<char>(message)));
}

base::Result<> SendFailure(int socket, const base::Error& error) {
  std::string bytes(1, static_cast<char>(Message::kFailed));
  bytes += static_cast<char>(error.code());
  bytes += error.message();
  return SendBytes(socket, bytes);
}

base::Result<> SendKept(int socket, const std::string& reason) {
  // A longer message would be cut by the reader, or not sent at all.
  return SendBytes(socket, static_cast<char>(Message::kKept) + reason.substr(0, kLongest - 1));
}

base::Result<> SendEnded(int socket, std::uint64_t published_connections) {
  return SendBytes(socket,
                   static_cast<char>(Message::kEnded) + std::to_string(published_connections));
}

base::Result<> SendWithFd(int socket, Message message, int fd) {
  char byte = static_cast<char>(message);
  iovec data{&byte, 1};
  Control control;
  msghdr header = HeaderOf(data, control);
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &fd, sizeof(int));
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == 1 ? base::Result<>() : base::FailErrno("send between launcher and supervisor");
}

base::Result<std::optional<Word>> TakeMessage(int socket) {
  std::array<char, kLongest> bytes;
  iovec data{bytes.data(), bytes.size()};
  Control control;
  msghdr header = HeaderOf(data, control);
  const ssize_t got = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return std::optional<Word>();
  }
  if (got <= 0) {
    return base::Fail(base::Errc::kNotFound, "the other process of the run is gone");
  }
  Word word{.message = static_cast<Message>(bytes[0]),
            .text = std::string(&bytes[1], static_cast<std::size_t>(got) - 1)};
  const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof(int));
    word.fd.Reset(fd);
  }
  return word;
}

base::Result<Message> ReceiveMessage(int socket) {
  std::array<char, kLongest> bytes;
  ssize_t got = 0;
  do {
    got = ::recv(socket, bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    return base::Fail(base::Errc::kInternal, "the other process of the run died while it started");
  }
  const auto message = static_cast<Message>(bytes[0]);
  if (message == Message::kFailed && got >= 2) {
    return base::Fail(static_cast<base::Errc>(bytes[1]),
                      std::string(&bytes[2], static_cast<std::size_t>(got) - 2));
  }
  return message;
}

}  // namespace aegis::gate
