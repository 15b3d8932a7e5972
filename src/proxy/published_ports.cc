#include "proxy/published_ports.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
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
#include "proxy/published_connection.h"

namespace aegis::proxy {
namespace {

constexpr std::size_t kEventsAtOnce = 128;
constexpr int kAcceptedAtOnce = 64;
// How long nothing is accepted where the machine has no descriptor or memory left.
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

base::Result<std::unique_ptr<PublishedPorts>> PublishedPorts::Create(std::vector<Port> ports,
                                                                     const InsideSockets& inside,
                                                                     Outbox& outbox,
                                                                     std::size_t most_connections) {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    return base::FailErrno("watch published ports");
  }
  std::unique_ptr<PublishedPorts> made(
      new PublishedPorts(std::move(epoll), inside, outbox, most_connections));
  for (Port& port : ports) {
    if (!made->Watch(port.listener, made->listeners_.size())) {
      return base::FailErrno("watch published ports");
    }
    made->listeners_.push_back({.port = std::move(port)});
  }
  return made;
}

PublishedPorts::PublishedPorts(base::UniqueFd epoll, const InsideSockets& inside, Outbox& outbox,
                               std::size_t most_connections)
    : epoll_(std::move(epoll)),
      inside_(inside),
      outbox_(outbox),
      most_connections_(most_connections) {}

bool PublishedPorts::MayAccept(const Listening& listening) const {
  return listening.ready && !paused_ && connections_.size() < most_connections_;
}

std::optional<std::chrono::milliseconds> PublishedPorts::Timeout() const {
  if (!unfinished_.empty() ||
      std::ranges::any_of(listeners_, [this](const Listening& one) { return MayAccept(one); })) {
    return std::chrono::milliseconds(0);
  }
  return paused_
             ? std::optional(std::chrono::ceil<std::chrono::milliseconds>(*paused_ - Clock::now()))
             : std::nullopt;
}

void PublishedPorts::Process() {
  if (paused_ && *paused_ <= Clock::now()) {
    paused_.reset();
  }
  for (const std::uint64_t id : std::exchange(unfinished_, {})) {
    Drive(id);
  }
  std::array<epoll_event, kEventsAtOnce> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t id = events[static_cast<std::size_t>(i)].data.u64;
    if (id < listeners_.size()) {
      listeners_[id].ready = true;
    } else {
      Drive(id);
    }
  }
  for (Listening& listening : listeners_) {
    Accept(listening);
  }
  TellCount();
}

// Edge-triggered: what is ready stays so until it has to wait.
bool PublishedPorts::Watch(const base::UniqueFd& socket, std::uint64_t id) const {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = id;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) == 0;
}

void PublishedPorts::Accept(Listening& listening) {
  for (int left = kAcceptedAtOnce; left > 0 && MayAccept(listening); --left) {
    base::UniqueFd client(
        ::accept4(listening.port.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.valid()) {
      Take(std::move(client), listening.port.inside);
    } else if (errno == EAGAIN) {
      listening.ready = false;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      paused_ = Clock::now() + kPause;
    }  // else a connection that has failed before it was accepted (accept(2))
  }
}

void PublishedPorts::Take(base::UniqueFd client, std::uint16_t port) {
  const std::uint64_t id = listeners_.size() + accepted_++;
  const auto [place, added] =
      connections_.emplace(id, PublishedConnection(std::move(client), port));
  if (added && Watch(place->second.outer(), id)) {
    Drive(id);
  } else {
    connections_.erase(id);
  }
}

void PublishedPorts::Drive(std::uint64_t id) {
  using State = PublishedConnection::State;
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;
  }
  PublishedConnection& connection = found->second;
  State state = connection.Drive(inside_, pipes_);
  while (state == State::kDialled) {
    // What came before it was watched is seen at once.
    state = Watch(connection.inner(), id) ? connection.Drive(inside_, pipes_) : State::kEnded;
  }
  if (state == State::kEnded) {
    connections_.erase(found);
  } else if (state == State::kMore) {
    unfinished_.push_back(id);
  }
}

// The sum so far: a supervisor that is slow to read hears fewer of them.
void PublishedPorts::TellCount() {
  if (told_ != accepted_ && outbox_.empty()) {
    outbox_.Tell(PublishedUse{.connections = accepted_});
    told_ = accepted_;
  }
}

}  // namespace aegis::proxy
