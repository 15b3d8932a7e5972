#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/bytes.h"
#include "proxy/dns_message.h"

// For tests only.
namespace aegis::proxy::testing_support {

// A UDP socket of 127.0.0.1, bound to a port of the kernel's choice.
inline base::UniqueFd LoopbackSocket() {
  base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.Reset();
  }
  return fd;
}

inline sockaddr_in AddressOfSocket(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  static_cast<void>(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size));
  return address;
}

inline std::uint16_t PortOfSocket(int socket) { return ntohs(AddressOfSocket(socket).sin_port); }

inline bool Readable(int fd, int milliseconds) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, milliseconds) == 1;
}

// A name server of the outside, on a thread of its own. What `answer` gives is sent.
class DnsServer {
 public:
  using AnswerFunction = std::function<std::optional<Bytes>(const DnsQuery&)>;

  explicit DnsServer(AnswerFunction answer)
      : socket_(LoopbackSocket()), answer_(std::move(answer)), thread_([this] { Serve(); }) {}
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;
  ~DnsServer() {
    stop_ = true;
    thread_.join();
  }

  // As CaresOptions::servers takes it.
  std::string Where() const { return "127.0.0.1:" + std::to_string(PortOfSocket(socket_.get())); }

  std::vector<std::string> Asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  void Serve() {
    while (!stop_) {
      if (Readable(socket_.get(), 10)) {
        ServeOne();
      }
    }
  }

  void ServeOne() {
    std::array<std::uint8_t, 1500> bytes{};
    sockaddr_in client{};
    socklen_t size = sizeof client;
    const ssize_t got = ::recvfrom(socket_.get(), bytes.data(), bytes.size(), 0,
                                   reinterpret_cast<sockaddr*>(&client), &size);
    const auto query =
        ParseDnsQuery(std::span(bytes).first(got < 0 ? 0 : static_cast<std::size_t>(got)));
    if (!query) {
      return;
    }
    {
      const std::scoped_lock lock(mutex_);
      asked_.push_back(query->name);
    }
    if (const auto answer = answer_(*query)) {
      static_cast<void>(::sendto(socket_.get(), answer->data(), answer->size(), 0,
                                 reinterpret_cast<const sockaddr*>(&client), size));
    }
  }

  base::UniqueFd socket_;
  AnswerFunction answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace aegis::proxy::testing_support
