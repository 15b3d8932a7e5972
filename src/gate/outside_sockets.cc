#include "gate/outside_sockets.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

std::uint64_t Number(const base::UniqueFd& socket, int option) {
  std::uint64_t number = 0;
  socklen_t size = sizeof number;
  return ::getsockopt(socket.get(), SOL_SOCKET, option, &number, &size) == 0 ? number : 0;
}

}  // namespace

std::uint64_t CookieOf(const base::UniqueFd& socket) { return Number(socket, SO_COOKIE); }

std::uint64_t NamespaceOf(const base::UniqueFd& socket) {
  return Number(socket, sandbox::uapi::kSoNetnsCookie);
}

void OutsideSockets::Add(const base::UniqueFd& socket, Connection connection) {
  const std::lock_guard lock(mutex_);
  if (connections_.size() < kMost) {
    connections_.insert_or_assign(CookieOf(socket), std::move(connection));
  }
}

std::optional<Connection> OutsideSockets::Find(const base::UniqueFd& socket) const {
  return Find(CookieOf(socket));
}

std::optional<Connection> OutsideSockets::Find(std::uint64_t cookie) const {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(cookie);
  return found == connections_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Connection> OutsideSockets::Take(std::uint64_t cookie) {
  const std::lock_guard lock(mutex_);
  auto node = connections_.extract(cookie);
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

std::vector<Connection> OutsideSockets::TakeAll() {
  const std::lock_guard lock(mutex_);
  std::vector<Connection> all;
  all.reserve(connections_.size());
  for (auto& [cookie, connection] : connections_) {
    all.push_back(std::move(connection));
  }
  connections_.clear();
  return all;
}

bool OutsideSockets::empty() const {
  const std::lock_guard lock(mutex_);
  return connections_.empty();
}

void OutsideSockets::Report(const base::UniqueFd& socket) {
  const std::lock_guard lock(mutex_);
  if (const auto found = connections_.find(CookieOf(socket)); found != connections_.end()) {
    found->second.reported = true;
  }
}

}  // namespace aegis::gate
