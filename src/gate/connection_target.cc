#include "gate/connection_target.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "decision/decision.h"
#include "gate/address_map.h"
#include "gate/call.h"
#include "gate/inet_address.h"
#include "gate/judge.h"
#include "gate/network.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

using policy::Action;

policy::Address PolicyAddress(const InetHost& host) {
  return {.bytes = host.bytes, .six = host.family == AF_INET6};
}

// What an address means outside: the unspecified one is the own host (ip(7)).
InetHost Loopback(InetHost host) {
  if (host.IsUnspecified()) {
    host.bytes[0] = host.family == AF_INET ? IN_LOOPBACKNET : 0;
    host.bytes[host.family == AF_INET ? 3 : 15] = 1;
  }
  return host;
}

// A name that leads to this machine or a private network needs a rule for that address as well:
// who may resolve a name must not choose what is reached in there. The refusal names the address.
int AskAboutSpecialAddress(Services& services, Call& call, const ConnectionTarget& target) {
  const policy::Address address = PolicyAddress(target.real.host);
  if (!target.named || !policy::IsSpecial(address)) {
    return 0;
  }
  const std::string text = policy::AddressText(address);
  const std::string resource = policy::HostAndPort(text, target.real.port);
  Detail detail = DetailOf(target, "tcp", text);
  detail.host = text;
  const decision::Decision decision =
      services.judge.Decide(call.process, Action::kNetConnect, resource, detail);
  if (decision.allowed()) {
    return 0;  // the connection's own entry follows
  }
  return services.judge.Settle(call.process, Action::kNetConnect, resource, decision, detail);
}

}  // namespace

ConnectionTarget TargetOf(const Network& network, const InetPeer& peer) {
  ConnectionTarget target{.dialled = peer, .real = peer, .host = {}, .resource = {}};
  const NamedAddress* const named = network.names.Find(peer.host);
  if (named != nullptr) {
    target.real.host = named->real;
    target.host = named->name;
    target.named = true;
  } else {
    target.host = policy::AddressText(PolicyAddress(Loopback(target.real.host)));
  }
  target.real.host = Loopback(target.real.host);
  target.resource = policy::HostAndPort(target.host, peer.port);
  return target;
}

Detail DetailOf(const ConnectionTarget& target, std::string_view protocol,
                std::string_view address) {
  Detail detail;
  detail.host = target.host;
  detail.port = target.dialled.port;
  detail.protocol = protocol;
  detail.address = address;
  return detail;
}

Judged AskAboutConnection(Services& services, Call& call, const ConnectionTarget& target) {
  Judge& judge = services.judge;
  if (AddressMap::IsInRange(target.dialled.host) && !target.named) {
    // It stands for no name: nothing is there, whatever the policies permit.
    return {.refused = judge.Refuse(call.process, Action::kNetConnect, target.resource,
                                    decision::Reason::kNoPermit, DetailOf(target, "tcp"))};
  }
  if (const int refused = AskAboutSpecialAddress(services, call, target)) {
    return {.refused = refused};
  }
  const std::string address = target.named ? target.real.host.Text() : std::string();
  const Detail detail = DetailOf(target, "tcp", address);
  const decision::Decision decision =
      judge.Decide(call.process, Action::kNetConnect, target.resource, detail);
  return {
      .refused = judge.Settle(call.process, Action::kNetConnect, target.resource, decision, detail),
      .inspection = decision.inspection};
}

}  // namespace aegis::gate
