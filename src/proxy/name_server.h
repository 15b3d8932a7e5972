#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/dns_message.h"
#include "proxy/ip_address.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"
#include "proxy/resolver.h"

namespace aegis::proxy {

struct NameServerOptions {
  // Of questions that wait for the supervisor or for a lookup. More wait in the sockets' buffers,
  // and what does not fit there the kernel drops: the agent asks again.
  std::size_t most_outstanding = 1'024;
  // Less than the 5 s after which stub resolvers ask again.
  std::chrono::milliseconds patience{4'500};
};

// Answers the agent's DNS queries. A name is looked up only after the supervisor has allowed it,
// and the answer holds the addresses that the supervisor gives it, never the real ones. One thread.
//
// What is refused does not exist (NXDOMAIN): any other refusal makes stub resolvers ask again.
class NameServer {
 public:
  using Options = NameServerOptions;

  // `sockets` are bound UDP sockets. `outbox` and `resolver` outlive the server.
  NameServer(std::vector<base::UniqueFd> sockets, Outbox& outbox, Resolver& resolver,
             const Options& options = {});

  // A part of its owner's poll loop: what to wait for, and how long (nothing: as long as it takes).
  void AddPolls(std::vector<pollfd>& polls) const;
  std::optional<std::chrono::milliseconds> Timeout() const;
  // After each wait, with the entries that AddPolls() added.
  void Process(std::span<const pollfd> polls);

  // What the supervisor says.
  void Take(const NameVerdict& verdict);
  void Take(const NameMapped& mapped);

 private:
  using Clock = std::chrono::steady_clock;

  struct Client {
    std::size_t socket = 0;
    sockaddr_storage address{};
    socklen_t length = 0;
  };
  // A question whose answer is not known yet.
  struct Outstanding {
    enum class Wait { kVerdict, kLookup, kMapping };
    DnsQuery query{};
    Client client{};
    Family family = Family::kNone;
    Wait wait = Wait::kVerdict;
    Clock::time_point deadline{};
  };
  struct Answer {
    Rcode rcode = Rcode::kNoError;
    std::vector<IpAddress> addresses{};
  };

  static std::optional<Answer> OwnAnswer(const DnsQuery& query);

  bool Accepting() const;
  void ReceiveQueries(std::size_t socket);
  void Take(std::span<const std::uint8_t> datagram, const Client& client);
  void Ask(DnsQuery query, const Client& client);
  void TakeResolution(std::uint64_t id, const Resolution& resolution);
  Outstanding* Waiting(std::uint64_t id, Outstanding::Wait wait);
  void Finish(std::uint64_t id, const Answer& answer);
  void SendAnswer(const Client& client, std::span<const std::uint8_t> answer) const;
  void Expire();

  std::vector<base::UniqueFd> sockets_;
  Outbox& outbox_;  // gets at most one for each outstanding question
  Resolver& resolver_;
  Options options_;
  std::uint64_t last_id_ = 0;
  // INVARIANT: ids grow and all have the same patience, so the first one's deadline is the first.
  std::map<std::uint64_t, Outstanding> outstanding_;
};

}  // namespace aegis::proxy
