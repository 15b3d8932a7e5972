#include "gate/network.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "gate/address_map.h"
#include "gate/dialling.h"
#include "gate/inet_address.h"
#include "gate/messages.h"

namespace aegis::gate {

namespace {

// Whether it is connected to the namespace's own address, as all are that are relayed: a relayed
// socket may have been connected anew, inside.
bool IsOwnPeer(const base::UniqueFd& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return false;
  }
  const auto peer = ParseInetPeer(&address, size);
  return peer && AddressMap::IsOwn(peer->host);
}

}  // namespace

void Network::WantProxy() {
  if (!wanted_proxy_) {
    wanted_proxy_ = true;
    (void)Send(launcher_socket_, Message::kProxyWanted);
  }
}

bool Network::HasUnreported(const base::UniqueFd& socket) const {
  if (const auto connection = sockets.Find(socket)) {
    return !connection->reported;
  }
  const auto relayed = relays.Find(socket);
  return relayed && !relayed->reported;
}

// The proxy refuses in two steps (proxy/inside_sockets.h): who looks between them would see a
// connection that was reset.
int Network::ResultOf(const base::UniqueFd& socket) const {
  const int result = gate::ResultOf(socket);
  const bool dissolved = result == ECONNRESET || result == ECONNABORTED;
  return dissolved && relays.Find(socket) ? ECONNREFUSED : result;
}

int Network::SettledResultOf(const base::UniqueFd& socket) const {
  const int result = gate::ResultOf(socket);
  if (result != ECONNRESET || !relays.Find(socket)) {
    return result;
  }
  constexpr int kAttempts = 10;
  for (int i = 0; i < kAttempts && gate::ResultOf(socket) != ECONNREFUSED; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return ECONNREFUSED;
}

std::optional<InetPeer> Network::DialledName(const base::UniqueFd& socket) const {
  if (const auto connection = sockets.Find(socket)) {
    const bool same = connection->dialled.host == connection->real.host ||
                      connection->dialled.host.IsUnspecified();
    return same ? std::nullopt : std::optional(connection->dialled);
  }
  const auto relayed = relays.Find(socket);
  return relayed && IsOwnPeer(socket) ? std::optional(relayed->dialled) : std::nullopt;
}

void Network::RememberAsker(std::uint16_t port, NameAsker asker) {
  askers_.insert_or_assign(port, std::move(asker));
}

NameAsker Network::FindAsker(std::uint16_t port) const {
  const auto found = askers_.find(port);
  return found == askers_.end() ? NameAsker() : found->second;
}

}  // namespace aegis::gate
