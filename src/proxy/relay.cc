#include "proxy/relay.h"

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/inside_sockets.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"
#include "proxy/relayed_connection.h"

namespace aegis::proxy {
namespace {

constexpr std::size_t kEventsAtOnce = 128;
// How long the agent may take to say for which host it is, once it has begun, and to read why it
// was refused.
constexpr std::chrono::seconds kPatience{3};

}  // namespace

base::Result<std::unique_ptr<Relay>> Relay::Create(InsideSockets inside, Outbox& outbox,
                                                   std::size_t most_connections) {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    return base::FailErrno("watch connections");
  }
  return std::unique_ptr<Relay>(
      new Relay(std::move(epoll), std::move(inside), outbox, most_connections));
}

Relay::Relay(base::UniqueFd epoll, InsideSockets inside, Outbox& outbox,
             std::size_t most_connections)
    : epoll_(std::move(epoll)),
      inside_(std::move(inside)),
      outbox_(outbox),
      most_connections_(most_connections) {}

void Relay::Take(const NewConnection& connection, RelayedConnection::Sockets sockets) {
  if (connections_.size() >= most_connections_) {
    InsideSockets::Refuse(sockets.inside);
    return;
  }
  const auto [place, added] = connections_.emplace(
      connection.id, Relayed{std::make_unique<RelayedConnection>(connection, std::move(sockets))});
  if (added) {
    Watch(place->second.connection->outer(), connection.id);
    Drive(connection.id);
  }
}

std::optional<std::chrono::milliseconds> Relay::Timeout() const {
  if (!unfinished_.empty()) {
    return std::chrono::milliseconds(0);
  }
  return deadlines_.empty() ? std::nullopt
                            : std::optional(std::chrono::ceil<std::chrono::milliseconds>(
                                  deadlines_.begin()->first - Clock::now()));
}

void Relay::Finish() {
  finishing_ = true;
  std::vector<std::uint64_t> ids;
  ids.reserve(connections_.size());
  for (const auto& [id, relayed] : connections_) {
    ids.push_back(id);
  }
  for (const std::uint64_t id : ids) {
    connections_.at(id).connection->Finish();
    Drive(id);
  }
  TellWhenFinished();
}

void Relay::TellWhenFinished() {
  if (finishing_ && connections_.empty()) {
    finishing_ = false;
    outbox_.Tell(Finished{});
  }
}

void Relay::Process() {
  if (outbox_.empty()) {
    ended_.clear();
  }
  for (const std::uint64_t id : std::exchange(unfinished_, {})) {
    Drive(id);
  }
  std::array<epoll_event, kEventsAtOnce> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) {
    Drive(events[static_cast<std::size_t>(i)].data.u64);
  }
  Expire();
  TellWhenFinished();
}

// Edge-triggered: a connection goes on until it has to wait.
void Relay::Watch(const base::UniqueFd& socket, std::uint64_t id) const {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = id;
  static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event));
}

void Relay::Drive(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;
  }
  RelayedConnection& connection = *found->second.connection;
  const bool was_met = connection.inner().valid();
  auto state = connection.Drive(inside_, pipes_);
  if (!was_met && connection.inner().valid()) {
    Watch(connection.inner(), id);
    state = connection.Drive(inside_, pipes_);  // what came before it was watched
  }
  if (auto refusal = connection.TakeRefusal()) {
    outbox_.Tell(*refusal);
    static_cast<void>(outbox_.Flush());  // what fails now fails again in the loop
  }
  SetDeadline(id, found->second);
  if (state == RelayedConnection::State::kEnded) {
    if (!outbox_.empty()) {
      ended_.push_back(std::move(found->second.connection));
    }
    connections_.erase(found);
  } else if (state == RelayedConnection::State::kMore) {
    unfinished_.insert(id);
  }
}

// A connection that is at its deadline at some time has the same one until it is not any more.
void Relay::SetDeadline(std::uint64_t id, Relayed& relayed) {
  if (relayed.connection->is_hurried() == relayed.deadline.has_value()) {
    return;
  }
  if (relayed.deadline) {
    deadlines_.erase({*relayed.deadline, id});
    relayed.deadline.reset();
  } else {
    relayed.deadline = Clock::now() + kPatience;
    deadlines_.emplace(*relayed.deadline, id);
  }
}

void Relay::Expire() {
  const Clock::time_point now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint64_t id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Relayed& relayed = connections_.at(id);
    relayed.deadline.reset();
    relayed.connection->Expire();
    Drive(id);
  }
}

}  // namespace aegis::proxy
