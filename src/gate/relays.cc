#include "gate/relays.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "gate/inet_address.h"
#include "gate/meeting_point.h"
#include "gate/outside_sockets.h"
#include "proxy/proxy.h"
#include "sandbox/inside_network.h"

namespace aegis::gate {

void Relays::Prepare(sandbox::InsideTcp four, sandbox::InsideTcp six) {
  points_ = {MeetingPoint::Open(std::move(four), AF_INET),
             MeetingPoint::Open(std::move(six), AF_INET6)};
}

// Who still waits to be met is refused when the kernel asks the next time: nobody listens.
void Relays::Detach() {
  proxy_ = -1;
  points_ = {};
}

const MeetingPoint* Relays::Point(int family) const {
  const auto& point = points_[family == AF_INET6 ? 1 : 0];
  return point ? &*point : nullptr;
}

int Relays::Begin(const base::UniqueFd& agents, const base::UniqueFd& outside,
                  const std::string& name, const InetPeer& dialled) {
  const proxy::NewConnection connection{
      .id = CookieOf(outside), .name = name, .port = dialled.port};
  const std::array<int, 2> sockets = {outside.get(), agents.get()};
  const auto sent = proxy::Send(proxy_, proxy::Encode(proxy::FromSupervisor(connection)), sockets);
  if (!sent) {
    return sent.error().sys_errno() != 0 ? sent.error().sys_errno() : ENETUNREACH;
  }
  const std::lock_guard lock(mutex_);
  if (relayed_.size() >= kMost) {
    relayed_.erase(relayed_.begin());
  }
  relayed_.insert_or_assign(CookieOf(agents), Relayed{.dialled = dialled});
  return 0;
}

bool Relays::any() const {
  const std::lock_guard lock(mutex_);
  return !relayed_.empty();
}

std::optional<Relays::Relayed> Relays::Find(const base::UniqueFd& agents) const {
  const std::lock_guard lock(mutex_);
  if (relayed_.empty()) {
    return std::nullopt;
  }
  const auto found = relayed_.find(CookieOf(agents));
  return found == relayed_.end() ? std::nullopt : std::optional(found->second);
}

void Relays::Report(const base::UniqueFd& agents) {
  const std::lock_guard lock(mutex_);
  if (const auto found = relayed_.find(CookieOf(agents)); found != relayed_.end()) {
    found->second.reported = true;
  }
}

}  // namespace aegis::gate
