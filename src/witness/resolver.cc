#include "witness/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"

namespace aegis::witness {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using Addresses = std::vector<SocketAddress>;

Result<Addresses> Ask(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    return Fail(Errc::kUnavailable, std::string("look up the host: ") + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_addrlen <= sizeof(sockaddr_storage)) {
      SocketAddress address{.length = one->ai_addrlen};
      std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
      addresses.push_back(address);
    }
  }
  if (addresses.empty()) {
    return Fail(Errc::kUnavailable, "look up the host: it has no address");
  }
  return addresses;
}

}  // namespace

struct Resolver::Pending {
  std::string host;
  std::uint16_t port = 0;
  std::mutex mutex;
  std::condition_variable_any done;
  std::optional<Result<Addresses>> answer;
};

Result<Addresses> Resolver::SystemLookup(const std::string& host, std::uint16_t port) {
  return Ask(host, port, AI_ADDRCONFIG);
}

Result<Addresses> Resolver::Resolve(const std::string& host, std::uint16_t port,
                                    std::chrono::steady_clock::time_point deadline,
                                    const std::stop_token& stop) {
  if (auto literal = Ask(host, port, AI_NUMERICHOST)) {
    return literal;
  }
  if (pending_ == nullptr || pending_->host != host || pending_->port != port) {
    pending_ = std::make_shared<Pending>();
    pending_->host = host;
    pending_->port = port;
    try {
      std::thread([pending = pending_, lookup = lookup_] {
        auto answer = lookup(pending->host, pending->port);
        const std::lock_guard lock(pending->mutex);
        pending->answer = std::move(answer);
        pending->done.notify_all();
      }).detach();
    } catch (const std::system_error&) {
      pending_.reset();
      return Fail(Errc::kExhausted, "look up the host: no thread to be had");
    }
  }
  std::unique_lock lock(pending_->mutex);
  if (!pending_->done.wait_until(lock, stop, deadline,
                                 [this] { return pending_->answer.has_value(); })) {
    return Fail(Errc::kUnavailable, "look up the host: no answer in time");
  }
  auto answer = std::move(*pending_->answer);
  lock.unlock();
  pending_.reset();
  return answer;
}

}  // namespace aegis::witness
