#include "proxy/server.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "proxy/channel.h"
#include "proxy/protocol.h"

namespace aegis::proxy {
namespace {

// Places in the list of what is waited for.
constexpr std::size_t kSupervisor = 0;
constexpr std::size_t kNames = 3;  // and all behind it; the others look for themselves

}  // namespace

base::Result<> Server::Run() {
  for (bool going_on = true; going_on;) {
    AEGIS_ASSIGN(going_on, ServeOnce());
  }
  return {};
}

std::vector<pollfd> Server::Polls() const {
  const auto events = static_cast<short>(outbox_.empty() ? POLLIN : POLLIN | POLLOUT);
  std::vector<pollfd> polls{{.fd = supervisor_, .events = events, .revents = 0},
                            {.fd = relay_.fd(), .events = POLLIN, .revents = 0},
                            {.fd = published_.fd(), .events = POLLIN, .revents = 0}};
  names_.AddPolls(polls);
  return polls;
}

// Milliseconds until something is due; -1: nothing is.
int Server::Wait() const {
  auto left = names_.Timeout();
  for (const auto until : {relay_.Timeout(), published_.Timeout()}) {
    left = left && until ? std::min(*left, *until) : left ? left : until;
  }
  constexpr std::chrono::milliseconds::rep kLongest = 60'000;
  return left ? static_cast<int>(
                    std::clamp<std::chrono::milliseconds::rep>(left->count(), 0, kLongest))
              : -1;
}

// False when the supervisor is gone.
base::Result<bool> Server::ServeOnce() {
  std::vector<pollfd> polls = Polls();
  if (::poll(polls.data(), polls.size(), Wait()) < 0) {
    return errno == EINTR ? base::Result<bool>(true) : base::FailErrno("wait for the agent");
  }
  if (polls[kSupervisor].revents != 0) {
    AEGIS_ASSIGN(const bool there, ReceiveFromSupervisor());
    if (!there) {
      return false;
    }
    AEGIS_TRY(outbox_.Flush());
  }
  relay_.Process();
  published_.Process();
  names_.Process(std::span(polls).subspan(kNames));
  AEGIS_TRY(outbox_.Flush());
  return true;
}

// False when it is gone.
base::Result<bool> Server::ReceiveFromSupervisor() {
  for (;;) {
    auto received = ReceiveWithDescriptors(supervisor_);
    if (!received) {
      return received.error().sys_errno() == EAGAIN ? base::Result<bool>(true)
                                                    : base::Fail(std::move(received).error());
    }
    if (!*received) {
      return false;
    }
    AEGIS_TRY(Take(**std::move(received)));
  }
}

base::Result<> Server::Take(PacketWithDescriptors received) {
  AEGIS_ASSIGN(const FromSupervisor message, DecodeFromSupervisor(received.packet));
  if (const auto* const verdict = std::get_if<NameVerdict>(&message)) {
    names_.Take(*verdict);
    return {};
  }
  if (const auto* const mapped = std::get_if<NameMapped>(&message)) {
    names_.Take(*mapped);
    return {};
  }
  if (std::holds_alternative<Finish>(message)) {
    relay_.Finish();
    return {};
  }
  const auto* const connection = std::get_if<NewConnection>(&message);
  constexpr std::size_t kSockets = 2;
  if (connection == nullptr || received.descriptors.size() != kSockets) {
    return base::Fail(base::Errc::kInvalid, "serve the agent: not what the supervisor may say now");
  }
  relay_.Take(*connection, {.outside = std::move(received.descriptors[0]),
                            .inside = std::move(received.descriptors[1])});
  return {};
}

}  // namespace aegis::proxy
