#include "proxy/name_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/dns_message.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"
#include "proxy/outbox.h"
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

}  // namespace

NameServer::NameServer(std::vector<base::UniqueFd> sockets, Outbox& outbox, Resolver& resolver,
                       const Options& options)
    : sockets_(std::move(sockets)), outbox_(outbox), resolver_(resolver), options_(options) {}

bool NameServer::Accepting() const {
  return outstanding_.size() < options_.most_outstanding && outbox_.empty();
}

void NameServer::AddPolls(std::vector<pollfd>& polls) const {
  for (const base::UniqueFd& socket : sockets_) {
    polls.push_back({.fd = Accepting() ? socket.get() : -1, .events = POLLIN, .revents = 0});
  }
  resolver_.AddPolls(polls);
}

std::optional<std::chrono::milliseconds> NameServer::Timeout() const {
  auto left = resolver_.Timeout();
  if (!outstanding_.empty()) {
    const auto until = std::chrono::ceil<std::chrono::milliseconds>(
        outstanding_.begin()->second.deadline - Clock::now());
    left = left ? std::min(*left, until) : until;
  }
  return left;
}

void NameServer::Process(std::span<const pollfd> polls) {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (polls[i].revents != 0) {
      ReceiveQueries(i);
    }
  }
  resolver_.Process(polls.subspan(sockets_.size()));
  Expire();
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
  outbox_.Tell(NameQuestion{.id = id,
                            .family = family,
                            .client_port = PortOf(client.address),
                            .odd = query.odd_name,
                            .name = query.name});
  outstanding_.emplace(id, Outstanding{.query = std::move(query),
                                       .client = client,
                                       .family = family,
                                       .deadline = Clock::now() + options_.patience});
}

NameServer::Outstanding* NameServer::Waiting(std::uint64_t id, Outstanding::Wait wait) {
  const auto found = outstanding_.find(id);
  return found != outstanding_.end() && found->second.wait == wait ? &found->second : nullptr;
}

void NameServer::Take(const NameVerdict& verdict) {
  Outstanding* const asked = Waiting(verdict.id, Outstanding::Wait::kVerdict);
  if (asked == nullptr) {
    return;  // too late
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
}

void NameServer::TakeResolution(std::uint64_t id, const Resolution& resolution) {
  Outstanding* const asked = Waiting(id, Outstanding::Wait::kLookup);
  if (asked == nullptr) {
    return;
  }
  switch (resolution.outcome) {
    case Resolution::Outcome::kFound:
      asked->wait = Outstanding::Wait::kMapping;
      outbox_.Tell(
          NameAddresses{.id = id, .name = asked->query.name, .addresses = resolution.addresses});
      return;
    case Resolution::Outcome::kNoAddress:
      return Finish(id, {});
    case Resolution::Outcome::kNoName:
      return Finish(id, {.rcode = Rcode::kNxDomain});
    case Resolution::Outcome::kFailed:
      return Finish(id, {.rcode = Rcode::kServFail});
  }
}

void NameServer::Take(const NameMapped& mapped) {
  Outstanding* const asked = Waiting(mapped.id, Outstanding::Wait::kMapping);
  if (asked == nullptr) {
    return;
  }
  Answer answer{.rcode = mapped.addresses.empty() ? Rcode::kNxDomain : Rcode::kNoError};
  std::ranges::copy_if(mapped.addresses, std::back_inserter(answer.addresses),
                       [&](const IpAddress& one) { return one.family == asked->family; });
  Finish(mapped.id, answer);
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

void NameServer::Expire() {
  const Clock::time_point now = Clock::now();
  while (!outstanding_.empty() && outstanding_.begin()->second.deadline <= now) {
    Finish(outstanding_.begin()->first, {.rcode = Rcode::kServFail});
  }
}

}  // namespace aegis::proxy
