#include "gate/name_questions.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
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

void NameQuestions::Begin(base::UniqueFd socket) {
  std::vector<int> sockets;
  for (const base::UniqueFd& one : network_.inside().name_sockets) {
    sockets.push_back(one.get());
  }
  socket_ = std::move(socket);
  // A proxy that does not read must not keep the run from its end.
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  if (sockets.empty() || !proxy::SendStart(socket_.get(), sockets)) {
    GiveUp();
  }
}

void NameQuestions::GiveUp() {
  socket_.Reset();
  serving_.StandStill([this] { network_.CloseNames(); });
}

void NameQuestions::Take() {
  const auto packet = proxy::Receive(socket_.get());
  if (!packet && packet.error().sys_errno() == EAGAIN) {
    return;
  }
  const auto message = packet && *packet ? proxy::DecodeFromProxy(**packet)
                                         : base::Result<proxy::FromProxy>(proxy::Failed{});
  if (!message || std::holds_alternative<proxy::Failed>(*message)) {
    GiveUp();  // it is gone, or can't be listened to
    return;
  }
  Answer(*message);
}

void NameQuestions::Answer(const proxy::FromProxy& message) {
  if (const auto* const question = std::get_if<proxy::NameQuestion>(&message)) {
    const bool allowed = serving_.StandStill([&] { return MayResolve(*question); });
    const proxy::NameVerdict verdict{.id = question->id, .allowed = allowed};
    (void)proxy::Send(socket_.get(), proxy::Encode(proxy::FromSupervisor(verdict)));
  } else if (const auto* const addresses = std::get_if<proxy::NameAddresses>(&message)) {
    const proxy::NameMapped mapped = serving_.StandStill([&] { return MapAddresses(*addresses); });
    (void)proxy::Send(socket_.get(), proxy::Encode(proxy::FromSupervisor(mapped)));
  }
}

// A name that no rule could permit is refused, and recorded, before anybody outside hears of it:
// the question itself could carry what must not leave. One that some rule could permit is judged
// when it is connected to.
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

proxy::NameMapped NameQuestions::MapAddresses(const proxy::NameAddresses& addresses) {
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
