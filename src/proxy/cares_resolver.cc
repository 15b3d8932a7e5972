#include "proxy/cares_resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "proxy/ip_address.h"
#include "proxy/protocol.h"
#include "proxy/resolver.h"

namespace aegis::proxy {
namespace {

constexpr int kTries = 2;

base::Result<> Check(int status, const char* attempted) {
  if (status == ARES_SUCCESS) {
    return {};
  }
  return base::Fail(base::Errc::kUnavailable,
                    std::string(attempted) + ": " + ares_strerror(status));
}

IpAddress AddressOf(const sockaddr& from) {
  IpAddress address;
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface
  if (from.sa_family == AF_INET) {
    address.family = Family::kIpv4;
    const auto& in = reinterpret_cast<const sockaddr_in&>(from);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&in.sin_addr);
    std::copy_n(bytes, sizeof in.sin_addr, address.bytes.begin());
  } else if (from.sa_family == AF_INET6) {
    address.family = Family::kIpv6;
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(from);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&in6.sin6_addr);
    std::copy_n(bytes, sizeof in6.sin6_addr, address.bytes.begin());
  }
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  return address;
}

std::vector<IpAddress> AddressesIn(const ares_addrinfo* found, Family family) {
  std::vector<IpAddress> addresses;
  const ares_addrinfo_node* node = found == nullptr ? nullptr : found->nodes;
  for (; node != nullptr && addresses.size() < kMostAddresses; node = node->ai_next) {
    const IpAddress address = AddressOf(*node->ai_addr);
    if (address.family == family && std::ranges::find(addresses, address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

Resolution ResolutionOf(int status, std::vector<IpAddress> addresses) {
  using Outcome = Resolution::Outcome;
  switch (status) {
    case ARES_SUCCESS:
      return {.outcome = addresses.empty() ? Outcome::kNoAddress : Outcome::kFound,
              .addresses = std::move(addresses)};
    case ARES_ENODATA:
      return {.outcome = Outcome::kNoAddress};
    case ARES_ENOTFOUND:
      return {.outcome = Outcome::kNoName};
    default:
      return {.outcome = Outcome::kFailed};
  }
}

}  // namespace

struct CaresResolver::Lookup {
  CaresResolver* resolver;
  Family family;
  Done done;
};

void CaresResolver::Finisher::operator()(ares_channeldata* channel) const { ares_destroy(channel); }

base::Result<std::unique_ptr<CaresResolver>> CaresResolver::Create(const CaresOptions& options) {
  std::unique_ptr<CaresResolver> resolver(new CaresResolver(options.most_lookups));
  AEGIS_TRY(resolver->Open(options));
  return resolver;
}

base::Result<> CaresResolver::Open(const CaresOptions& options) {
  ares_options given{};
  given.flags = ARES_FLAG_NOALIASES | ARES_FLAG_NOSEARCH;
  given.timeout = static_cast<int>(options.first_try.count());
  given.tries = kTries;
  given.ndots = 0;
  given.ndomains = 0;  // ARES_FLAG_NOSEARCH alone would leave them to ares_getaddrinfo
  given.sock_state_cb = WhenSocketChanges;
  given.sock_state_cb_data = this;
  ares_channeldata* channel = nullptr;
  AEGIS_TRY(Check(ares_init_options(&channel, &given,
                                    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                        ARES_OPT_NDOTS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB),
                  "read how this machine resolves names"));
  channel_.reset(channel);
  if (!options.servers.empty()) {
    AEGIS_TRY(Check(ares_set_servers_ports_csv(channel, options.servers.c_str()),
                    "set the name servers"));
  }
  return {};
}

CaresResolver::~CaresResolver() {
  closing_ = true;
  channel_.reset();
}

void CaresResolver::Resolve(const std::string& name, Family family, Done done) {
  if (lookups_ >= most_lookups_) {
    done({.outcome = Resolution::Outcome::kFailed});
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = family == Family::kIpv6 ? AF_INET6 : AF_INET;
  auto lookup = std::make_unique<Lookup>(Lookup{this, family, std::move(done)});
  ++lookups_;
  // c-ares calls exactly once for each lookup, at the latest when it is destroyed.
  ares_getaddrinfo(channel_.get(), name.c_str(), nullptr, &hints, WhenLookedUp, lookup.release());
}

void CaresResolver::WhenLookedUp(void* lookup, int status, int /*timeouts*/, ares_addrinfo* found) {
  const std::unique_ptr<Lookup> ended(static_cast<Lookup*>(lookup));
  Resolution resolution = ResolutionOf(status, AddressesIn(found, ended->family));
  ares_freeaddrinfo(found);
  --ended->resolver->lookups_;
  if (!ended->resolver->closing_) {
    ended->done(std::move(resolution));
  }
}

void CaresResolver::WhenSocketChanges(void* self, int fd, int readable, int writable) {
  auto& sockets = static_cast<CaresResolver*>(self)->sockets_;
  const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
  if (events == 0) {
    sockets.erase(fd);
  } else {
    sockets[fd] = static_cast<short>(events);
  }
}

void CaresResolver::AddPolls(std::vector<pollfd>& polls) const {
  for (const auto& [fd, events] : sockets_) {
    polls.push_back({.fd = fd, .events = events, .revents = 0});
  }
}

std::optional<std::chrono::milliseconds> CaresResolver::Timeout() const {
  timeval left{};
  if (ares_timeout(channel_.get(), nullptr, &left) == nullptr) {
    return std::nullopt;
  }
  // Rounded down by c-ares: with less than a millisecond left it would be asked again and again.
  const auto exact = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  return std::chrono::ceil<std::chrono::milliseconds>(exact) + std::chrono::milliseconds(1);
}

void CaresResolver::Process(std::span<const pollfd> polls) {
  for (const pollfd& poll : polls) {
    const bool broken = (poll.revents & (POLLERR | POLLHUP)) != 0;
    const bool readable = broken || (poll.revents & POLLIN) != 0;
    const bool writable = broken || (poll.revents & POLLOUT) != 0;
    // One that was closed meanwhile is none of c-ares' any more.
    if (sockets_.contains(poll.fd) && (readable || writable)) {
      ares_process_fd(channel_.get(), readable ? poll.fd : ARES_SOCKET_BAD,
                      writable ? poll.fd : ARES_SOCKET_BAD);
    }
  }
  ares_process_fd(channel_.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace aegis::proxy
