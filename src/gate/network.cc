#include "gate/network.h"

#include <cstdint>
#include <utility>

#include "gate/messages.h"

namespace aegis::gate {

void Network::WantProxy() {
  if (!wanted_proxy_) {
    wanted_proxy_ = true;
    (void)Send(launcher_socket_, Message::kProxyWanted);
  }
}

void Network::RememberAsker(std::uint16_t port, NameAsker asker) {
  askers_.insert_or_assign(port, std::move(asker));
}

NameAsker Network::FindAsker(std::uint16_t port) const {
  const auto found = askers_.find(port);
  return found == askers_.end() ? NameAsker() : found->second;
}

}  // namespace aegis::gate
