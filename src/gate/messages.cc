#include "gate/messages.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

#include "base/result.h"

namespace aegis::gate {

namespace {

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

base::Result<Message> ReceiveMessage(int socket) {
  std::array<char, 4096> bytes;
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
