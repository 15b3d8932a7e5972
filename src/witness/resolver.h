#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace aegis::witness {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// Looks up hosts. The system's resolver can take many seconds and can't be interrupted: it is asked
// on a thread of its own, which is left alone when time is up. At most one such thread is under way
// for a Resolver; a later call waits for it again. One thread at a time.
class Resolver {
 public:
  using Lookup = std::function<base::Result<std::vector<SocketAddress>>(const std::string& host,
                                                                        std::uint16_t port)>;
  // `lookup` may run on after the Resolver is gone.
  explicit Resolver(Lookup lookup = SystemLookup) : lookup_(std::move(lookup)) {}

  // The addresses of a host, the preferred ones first, at least one. kUnavailable if it has none,
  // if `deadline` passes, or when `stop` is requested. An IP address is never looked up.
  base::Result<std::vector<SocketAddress>> Resolve(const std::string& host, std::uint16_t port,
                                                   std::chrono::steady_clock::time_point deadline,
                                                   const std::stop_token& stop);

  // getaddrinfo(3).
  static base::Result<std::vector<SocketAddress>> SystemLookup(const std::string& host,
                                                               std::uint16_t port);

 private:
  struct Pending;

  Lookup lookup_;
  // Shared with the thread that fills it in, which may outlive us.
  std::shared_ptr<Pending> pending_;
};

}  // namespace aegis::witness
