#include "proxy/name_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/channel.h"
#include "proxy/dns_message.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"
#include "proxy/protocol.h"
#include "proxy/resolver.h"

namespace aegis::proxy {
namespace {

constexpr std::uint32_t kTimeToLive = 60;
constexpr int kDatagramsAtOnce = 32;  // so that no socket keeps the others waiting
constexpr std::size_t kLongestQuery = 4096;
constexpr std::uint16_t kFirstMetaType = 128;  // RFC 6895
constexpr std::uint16_t kLastMetaType = 255;

constexpr IpAddress kLoopback4{.family = Family::kIpv4, .bytes = {127, 0, 0, 1}};
constexpr IpAddress kLoopback6{.family = Family::kIpv6,
                               .bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

Family FamilyOf(std::uint16_t type) {
  return type == kTypeA ? Family::kIpv4 : type == kTypeAaaa ? Family::kIpv6 : Family::kNone;
}

// Types of questions that no record has: transfers, "any".
bool IsMetaType(std::uint16_t type) {
  return type == kTypeOpt || (type >= kFirstMetaType && type <= kLastMetaType);
}

bool IsReverse(const DnsQuery& query) {
  return query.type == kTypePtr &&
         (query.name.ends_with(".in-addr.arpa") || query.name.ends_with(".ip6.arpa"));
}

std::uint16_t PortOf(const sockaddr_storage& address) {
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
}

bool WouldWait(const base::Error& error) { return error.sys_errno() == EAGAIN; }

}  // namespace

NameServer::NameServer(std::vector<base::UniqueFd> sockets, int supervisor, Resolver& resolver,
                       const Options& options)
    : sockets_(std::move(sockets)),
      supervisor_(supervisor),
      resolver_(resolver),
      options_(options) {}

base::Result<> NameServer::Run() {
  for (bool going_on = true; going_on;) {
    AEGIS_ASSIGN(going_on, ServeOnce());
  }
  return {};
}

bool NameServer::Accepting() const {
  return outstanding_.size() < options_.most_outstanding && outbox_.empty();
}

std::vector<pollfd> NameServer::Polls() const {
  const auto events = static_cast<short>(outbox_.empty() ? POLLIN : POLLIN | POLLOUT);
  std::vector<pollfd> polls{{.fd = supervisor_, .events = events, .revents = 0}};
  for (const base::UniqueFd& socket : sockets_) {
    polls.push_back({.fd = Accepting() ? socket.get() : -1, .events = POLLIN, .revents = 0});
  }
  resolver_.AddPolls(polls);
  return polls;
}

// Milliseconds until something is due; -1: nothing is.
int NameServer::Wait() const {
  auto left = resolver_.Timeout();
  if (!outstanding_.empty()) {
    const auto until = std::chrono::ceil<std::chrono::milliseconds>(
        outstanding_.begin()->second.deadline - Clock::now());
    left = left ? std::min(*left, until) : until;
  }
  constexpr std::chrono::milliseconds::rep kLongest = 60'000;
  return left ? static_cast<int>(
                    std::clamp<std::chrono::milliseconds::rep>(left->count(), 0, kLongest))
              : -1;
}

// False when the supervisor is gone.
base::Result<bool> NameServer::ServeOnce() {
  std::vector<pollfd> polls = Polls();
  if (::poll(polls.data(), polls.size(), Wait()) < 0) {
    return errno == EINTR ? base::Result<bool>(true) : base::FailErrno("wait for DNS queries");
  }
  if (polls[0].revents != 0) {
    AEGIS_ASSIGN(const bool there, ReceiveFromSupervisor());
    if (!there) {
      return false;
    }
    AEGIS_TRY(Flush());
  }
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (polls[i + 1].revents != 0) {
      ReceiveQueries(i);
    }
  }
  resolver_.Process(std::span(polls).subspan(1 + sockets_.size()));
  Expire();
  AEGIS_TRY(Flush());
  return true;
}

void NameServer::ReceiveQueries(std::size_t socket) {
  std::array<std::uint8_t, kLongestQuery> datagram{};
  for (int i = 0; i < kDatagramsAtOnce && outstanding_.size() < options_.most_outstanding; ++i) {
    Client client{.socket = socket, .length = sizeof client.address};
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface
    auto* const address = reinterpret_cast<sockaddr*>(&client.address);
    // A longer datagram is cut, and is no query then. Errors are those of earlier answers.
    const ssize_t got = ::recvfrom(sockets_[socket].get(), datagram.data(), datagram.size(),
                                   MSG_DONTWAIT, address, &client.length);
    if (got < 0) {
      return;
    }
    Take(std::span(datagram).first(static_cast<std::size_t>(got)), client);
  }
}

void NameServer::Take(std::span<const std::uint8_t> datagram, const Client& client) {
  auto query = ParseDnsQuery(datagram);
  if (!query) {
    if (query.error().header) {
      SendAnswer(client, BuildDnsError(*query.error().header, query.error().rcode));
    }
    return;
  }
  if (const auto own = OwnAnswer(*query)) {
    SendAnswer(client, BuildDnsAnswer(*query, own->rcode, own->addresses, kTimeToLive));
    return;
  }
  Ask(std::move(*query), client);
}

// What is the same whatever the policies say.
std::optional<NameServer::Answer> NameServer::OwnAnswer(const DnsQuery& query) {
  if (query.edns && query.edns->version != 0) {
    return Answer{.rcode = Rcode::kBadVers};
  }
  if (query.question_class != kClassIn) {
    return Answer{.rcode = Rcode::kRefused};
  }
  if (IsMetaType(query.type)) {
    return Answer{.rcode = Rcode::kNotImp};
  }
  if (query.name.empty()) {
    return Answer{};
  }
  if (IsReverse(query)) {
    return Answer{.rcode = Rcode::kNxDomain};
  }
  if (IsLocalhost(query.name)) {
    switch (FamilyOf(query.type)) {
      case Family::kIpv4:
        return Answer{.addresses = {kLoopback4}};
      case Family::kIpv6:
        return Answer{.addresses = {kLoopback6}};
      case Family::kNone:
        return Answer{};
    }
  }
  return std::nullopt;
}

void NameServer::Ask(DnsQuery query, const Client& client) {
  const std::uint64_t id = ++last_id_;
  const Family family = FamilyOf(query.type);
  Tell(NameQuestion{.id = id,
                    .family = family,
                    .client_port = PortOf(client.address),
                    .odd = query.odd_name,
                    .name = query.name});
  outstanding_.emplace(id, Outstanding{.query = std::move(query),
                                       .client = client,
                                       .family = family,
                                       .deadline = Clock::now() + options_.patience});
}

// False when it is gone.
base::Result<bool> NameServer::ReceiveFromSupervisor() {
  for (;;) {
    const auto packet = Receive(supervisor_);
    if (!packet) {
      return WouldWait(packet.error()) ? base::Result<bool>(true) : base::Fail(packet.error());
    }
    if (!*packet) {
      return false;
    }
    AEGIS_ASSIGN(const FromSupervisor message, DecodeFromSupervisor(**packet));
    AEGIS_TRY(std::visit([this](const auto& one) { return TakeMessage(one); }, message));
  }
}

NameServer::Outstanding* NameServer::Waiting(std::uint64_t id, Outstanding::Wait wait) {
  const auto found = outstanding_.find(id);
  return found != outstanding_.end() && found->second.wait == wait ? &found->second : nullptr;
}

base::Result<> NameServer::TakeMessage(const Start& /*start*/) {
  return base::Fail(base::Errc::kInvalid, "serve DNS queries: started a second time");
}

base::Result<> NameServer::TakeMessage(const NameVerdict& verdict) {
  Outstanding* const asked = Waiting(verdict.id, Outstanding::Wait::kVerdict);
  if (asked == nullptr) {
    return {};  // too late
  }
  if (!verdict.allowed || asked->query.odd_name) {
    Finish(verdict.id, {.rcode = Rcode::kNxDomain});
  } else if (asked->family == Family::kNone) {
    Finish(verdict.id, {});
  } else {
    asked->wait = Outstanding::Wait::kLookup;
    // The resolver may answer at once, and end the question.
    const std::string name = asked->query.name;
    resolver_.Resolve(name, asked->family, [this, id = verdict.id](const Resolution& resolution) {
      TakeResolution(id, resolution);
    });
  }
  return {};
}

void NameServer::TakeResolution(std::uint64_t id, const Resolution& resolution) {
  Outstanding* const asked = Waiting(id, Outstanding::Wait::kLookup);
  if (asked == nullptr) {
    return;
  }
  switch (resolution.outcome) {
    case Resolution::Outcome::kFound:
      asked->wait = Outstanding::Wait::kMapping;
      Tell(NameAddresses{.id = id, .name = asked->query.name, .addresses = resolution.addresses});
      return;
    case Resolution::Outcome::kNoAddress:
      return Finish(id, {});
    case Resolution::Outcome::kNoName:
      return Finish(id, {.rcode = Rcode::kNxDomain});
    case Resolution::Outcome::kFailed:
      return Finish(id, {.rcode = Rcode::kServFail});
  }
}

base::Result<> NameServer::TakeMessage(const NameMapped& mapped) {
  Outstanding* const asked = Waiting(mapped.id, Outstanding::Wait::kMapping);
  if (asked == nullptr) {
    return {};
  }
  Answer answer{.rcode = mapped.addresses.empty() ? Rcode::kNxDomain : Rcode::kNoError};
  std::ranges::copy_if(mapped.addresses, std::back_inserter(answer.addresses),
                       [&](const IpAddress& one) { return one.family == asked->family; });
  Finish(mapped.id, answer);
  return {};
}

void NameServer::Finish(std::uint64_t id, const Answer& answer) {
  const auto ended = outstanding_.extract(id);
  const Outstanding& asked = ended.mapped();
  SendAnswer(asked.client,
             BuildDnsAnswer(asked.query, answer.rcode, answer.addresses, kTimeToLive));
}

// An answer that can't be sent is lost, as any datagram may be.
void NameServer::SendAnswer(const Client& client, std::span<const std::uint8_t> answer) const {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface
  const auto* const address = reinterpret_cast<const sockaddr*>(&client.address);
  static_cast<void>(::sendto(sockets_[client.socket].get(), answer.data(), answer.size(),
                             MSG_DONTWAIT | MSG_NOSIGNAL, address, client.length));
}

void NameServer::Tell(const FromProxy& message) { outbox_.push_back(Encode(message)); }

base::Result<> NameServer::Flush() {
  while (!outbox_.empty()) {
    if (const auto sent = Send(supervisor_, outbox_.front()); !sent) {
      // That nobody is there the next receive tells.
      const bool later = WouldWait(sent.error()) || sent.error().sys_errno() == EPIPE;
      return later ? base::Result<>() : base::Fail(sent.error());
    }
    outbox_.pop_front();
  }
  return {};
}

void NameServer::Expire() {
  const Clock::time_point now = Clock::now();
  while (!outstanding_.empty() && outstanding_.begin()->second.deadline <= now) {
    Finish(outstanding_.begin()->first, {.rcode = Rcode::kServFail});
  }
}

}  // namespace aegis::proxy
