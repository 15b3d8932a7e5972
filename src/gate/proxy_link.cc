#include "gate/proxy_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/judge.h"
#include "gate/meeting_point.h"
#include "gate/network.h"
#include "gate/outside_sockets.h"
#include "gate/process_table.h"
#include "gate/published_ports.h"
#include "policy/policy.h"
#include "proxy/proxy.h"

namespace aegis::gate {

namespace {

// Enough for a burst of connections: one that does not fit is refused.
constexpr int kBuffer = 1 << 20;
constexpr int kMostAtOnce = 256;

std::uint16_t AddSource(const MeetingPoint* point, std::vector<int>& sockets) {
  if (point == nullptr) {
    return 0;
  }
  sockets.push_back(point->listener().get());
  sockets.push_back(point->seed().get());
  return point->address().port;
}

decision::Reason ReasonOf(proxy::Objection objection) {
  switch (objection) {
    case proxy::Objection::kOtherName:
      return decision::Reason::kNameMismatch;
    case proxy::Objection::kNoName:
    case proxy::Objection::kHiddenName:
    case proxy::Objection::kOtherProtocol:
      return decision::Reason::kNameUnknown;
    case proxy::Objection::kMalformed:
      return decision::Reason::kMalformed;
  }
  return decision::Reason::kInternalError;
}

}  // namespace

void ProxyLink::Begin(base::UniqueFd socket) {
  socket_ = std::move(socket);
  // A proxy that does not read must not keep the run from its end.
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &kBuffer, sizeof kBuffer);
  std::vector<int> sockets;
  for (const base::UniqueFd& one : network_.inside().name_sockets) {
    sockets.push_back(one.get());
  }
  proxy::Start start{.name_sockets = static_cast<std::uint8_t>(sockets.size())};
  serving_.StandStill([&] {
    network_.PrepareRelays();
    start.meeting_port4 = AddSource(network_.relays.Point(AF_INET), sockets);
    start.meeting_port6 = AddSource(network_.relays.Point(AF_INET6), sockets);
    network_.relays.Attach(socket_.get());
  });
  for (const OpenPort& open : published_) {
    start.published.push_back(open.where.port);
    sockets.push_back(open.listener.get());
  }
  if (start.name_sockets == 0 || !proxy::SendStart(socket_.get(), start, sockets)) {
    GiveUp();
  }
  published_.clear();
}

void ProxyLink::GiveUp() {
  published_.clear();
  serving_.StandStill([this] {
    network_.CloseNames();
    network_.relays.Detach();
  });
  socket_.Reset();
}

void ProxyLink::Take() {
  int left = kMostAtOnce;
  while (left-- > 0 && socket_.valid() && TakeOne()) {
  }
}

void ProxyLink::Finish(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + patience;
  Take();
  if (!socket_.valid() || !network_.relays.any() ||
      !proxy::Send(socket_.get(), proxy::Encode(proxy::FromSupervisor(proxy::Finish())))) {
    return;
  }
  while (socket_.valid() && !finished_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    pollfd words{socket_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&words, 1, static_cast<int>(left.count())) <= 0) {
      return;
    }
    Take();
  }
}

// Whether there was something.
bool ProxyLink::TakeOne() {
  const auto packet = proxy::Receive(socket_.get());
  if (!packet && packet.error().sys_errno() == EAGAIN) {
    return false;
  }
  const auto message = packet && *packet ? proxy::DecodeFromProxy(**packet)
                                         : base::Result<proxy::FromProxy>(proxy::Failed{});
  if (!message || std::holds_alternative<proxy::Failed>(*message)) {
    GiveUp();  // it is gone, or can't be listened to
    return false;
  }
  Answer(*message);
  return true;
}

void ProxyLink::Answer(const proxy::FromProxy& message) {
  if (const auto* const question = std::get_if<proxy::NameQuestion>(&message)) {
    const bool allowed = serving_.StandStill([&] { return names_.MayResolve(*question); });
    const proxy::NameVerdict verdict{.id = question->id, .allowed = allowed};
    (void)proxy::Send(socket_.get(), proxy::Encode(proxy::FromSupervisor(verdict)));
  } else if (const auto* const addresses = std::get_if<proxy::NameAddresses>(&message)) {
    const proxy::NameMapped mapped = serving_.StandStill([&] { return names_.Map(*addresses); });
    (void)proxy::Send(socket_.get(), proxy::Encode(proxy::FromSupervisor(mapped)));
  } else if (const auto* const refused = std::get_if<proxy::ConnectionRefused>(&message)) {
    serving_.StandStill([&] { Record(*refused); });
  } else if (const auto* const use = std::get_if<proxy::PublishedUse>(&message)) {
    published_connections_ = use->connections;
  } else {
    finished_ = finished_ || std::holds_alternative<proxy::Finished>(message);
  }
}

// Of a connection that is known: no other can have been handed over.
void ProxyLink::Record(const proxy::ConnectionRefused& refused) {
  const auto connection = network_.sockets.Find(refused.id);
  if (!connection) {
    return;
  }
  Process process;
  process.tgid = connection->pid;
  process.exe = connection->exe;
  Detail detail;
  detail.host = connection->host;
  detail.port = connection->dialled.port;
  detail.protocol = "tcp";
  detail.target = refused.seen;
  (void)judge_.Refuse(process, policy::Action::kNetConnect, connection->resource,
                      ReasonOf(refused.objection), detail);
}

}  // namespace aegis::gate
