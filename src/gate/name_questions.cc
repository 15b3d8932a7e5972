#include "gate/name_questions.h"

#include <sys/socket.h>

#include <string>

#include "decision/decision.h"
#include "gate/address_map.h"
#include "gate/inet_address.h"
#include "gate/judge.h"
#include "gate/network.h"
#include "gate/process_table.h"
#include "policy/host_name.h"
#include "policy/policy.h"
#include "proxy/proxy.h"

namespace aegis::gate {

namespace {

using policy::Action;

int FamilyOf(const proxy::IpAddress& address) {
  return address.family == proxy::Family::kIpv6 ? AF_INET6 : AF_INET;
}

// An IPv4 address that is written as an IPv6 one is the IPv4 address.
InetHost HostOf(const proxy::IpAddress& address) {
  return CanonicalHost(FamilyOf(address), address.bytes);
}

proxy::IpAddress AddressOf(const InetHost& host) {
  return {.family = host.family == AF_INET6 ? proxy::Family::kIpv6 : proxy::Family::kIpv4,
          .bytes = host.bytes};
}

// The name itself, if it is one in its only written form.
bool IsNormalised(const std::string& name) {
  const auto host = policy::ParseHost(name);
  return host.has_value() && !host->address && host->text == name;
}

}  // namespace

bool NameQuestions::MayResolve(const proxy::NameQuestion& question) {
  const bool is_name = !question.odd && IsNormalised(question.name);
  if (is_name && judge_.decider().MayReach(question.name)) {
    return true;
  }
  const NameAsker asker = network_.FindAsker(question.client_port);
  Process process;
  process.tgid = asker.pid;
  process.exe = asker.exe;
  Detail detail;
  detail.host = question.name;
  detail.protocol = "dns";
  if (!is_name) {
    (void)judge_.Refuse(process, Action::kNetConnect, question.name, decision::Reason::kUnsupported,
                        detail);
    return false;
  }
  decision::Decision decision = judge_.Decide(process, Action::kNetConnect, question.name, detail);
  if (decision.allowed()) {
    decision = decision::Deny(decision::Reason::kNoPermit);
  }
  (void)judge_.Settle(process, Action::kNetConnect, question.name, decision, detail);
  return false;
}

proxy::NameMapped NameQuestions::Map(const proxy::NameAddresses& addresses) {
  proxy::NameMapped mapped{.id = addresses.id};
  if (!IsNormalised(addresses.name) || !judge_.decider().MayReach(addresses.name)) {
    return mapped;
  }
  for (const proxy::IpAddress& address : addresses.addresses) {
    const NamedAddress named{addresses.name, HostOf(address)};
    if (const auto inside = network_.names.Give(named, FamilyOf(address))) {
      mapped.addresses.push_back(AddressOf(*inside));
    }
  }
  return mapped;
}

}  // namespace aegis::gate
