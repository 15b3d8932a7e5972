#include "proxy/relayed_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "proxy/first_bytes.h"
#include "proxy/http_pass.h"
#include "proxy/inside_sockets.h"
#include "proxy/protocol.h"
#include "proxy/splice.h"
#include "proxy/tcp_socket.h"

namespace aegis::proxy {

RelayedConnection::RelayedConnection(const NewConnection& connection, Sockets sockets)
    : id_(connection.id),
      name_(connection.name),
      port_(connection.port),
      outside_(std::move(sockets.outside)),
      agents_(std::move(sockets.inside)) {
  SetNumber(outside_, SOL_TCP, TCP_NODELAY, 1);  // the agent's end decides when to send
}

RelayedConnection::State RelayedConnection::Drive(const InsideSockets& inside, Pipes& pipes) {
  more_ = false;
  while (Step(inside, pipes)) {
  }
  return phase_ == Phase::kEnded ? State::kEnded : more_ ? State::kMore : State::kWaiting;
}

bool RelayedConnection::is_hurried() const {
  return phase_ == Phase::kRefused || (phase_ == Phase::kReading && !first_.empty());
}

void RelayedConnection::Expire() {
  if (phase_ == Phase::kReading) {
    RefuseFirst(Objection::kOtherProtocol, "not enough was sent");
  } else {
    EnterPhase(Phase::kEnded);
  }
}

std::optional<ConnectionRefused> RelayedConnection::TakeRefusal() {
  return std::exchange(refusal_, std::nullopt);
}

bool RelayedConnection::Step(const InsideSockets& inside, Pipes& pipes) {
  switch (phase_) {
    case Phase::kDialling:
      return Dial(inside);
    case Phase::kMeeting:
      return Meet();
    case Phase::kReading:
      return Read();
    case Phase::kPassing:
      return Pass(pipes);
    case Phase::kHttp:
      return PassHttp();
    case Phase::kRefused:
      return DiscardInput();
    case Phase::kEnded:
      return false;
  }
  return false;
}

bool RelayedConnection::EnterPhase(Phase phase) {
  phase_ = phase;
  return true;
}

bool RelayedConnection::Dial(const InsideSockets& inside) {
  switch (StateOf(outside_)) {
    case Connecting::kPending:
      return finishing_ && EnterPhase(Phase::kEnded);
    case Connecting::kFailed:
      // Nobody answered for as long as a socket with these options waits: so does the agent's.
      if (ErrorOf(outside_) != ETIMEDOUT) {
        InsideSockets::Refuse(agents_);
      }
      return EnterPhase(Phase::kEnded);
    case Connecting::kStands:
      break;
  }
  inner_ = inside.Meet(agents_);
  if (!inner_.valid()) {
    InsideSockets::Refuse(agents_);
    return EnterPhase(Phase::kEnded);
  }
  SetNumber(inner_, SOL_TCP, TCP_NODELAY, 1);
  return EnterPhase(Phase::kMeeting);
}

bool RelayedConnection::Meet() {
  switch (StateOf(inner_)) {
    case Connecting::kPending:
      return false;
    case Connecting::kFailed:
      return Break();
    case Connecting::kStands:
      break;
  }
  agents_.Reset();
  return EnterPhase(Phase::kReading);
}

// The agent's connection ends as if it had been reset. The one outside is closed, which resets it
// where something was not read; a reset of one's own would take its figures with it.
bool RelayedConnection::Break() {
  if (inner_.valid()) {
    ResetWhenClosed(inner_);
  }
  return EnterPhase(Phase::kEnded);
}

// The agent is told when the server has nothing to say any more.
bool RelayedConnection::ServerSpoke() {
  std::uint8_t byte = 0;
  const ssize_t got = ::recv(outside_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0) {
    static_cast<void>(::shutdown(inner_.get(), SHUT_WR));
  }
  return got > 0;
}

bool RelayedConnection::Read() {
  std::array<std::uint8_t, 16'384> bytes{};
  const ssize_t got = ::recv(inner_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got > 0) {
    first_.insert(first_.end(), bytes.begin(), bytes.begin() + got);
    return Judge();
  }
  if (got < 0 && errno != EAGAIN) {
    return Break();
  }
  if (ServerSpoke()) {
    return RefuseFirst(Objection::kOtherProtocol, "the server sent first");
  }
  if (got == 0 && !first_.empty()) {
    return RefuseFirst(Objection::kOtherProtocol, "it ended too soon");
  }
  if (got == 0 || StateOf(outside_) == Connecting::kFailed) {
    return Break();  // nothing was asked for, or nobody is there any more
  }
  return false;
}

bool RelayedConnection::Judge() {
  const FirstBytes read = ReadFirstBytes(first_, name_);
  switch (read.meaning) {
    case FirstBytes::Meaning::kNeedsMore:
      return true;
    case FirstBytes::Meaning::kObjection:
      return RefuseFirst(read.objection, read.seen);
    case FirstBytes::Meaning::kTls:
      out_.Put(first_);
      first_ = {};
      return EnterPhase(Phase::kPassing);
    case FirstBytes::Meaning::kHttp:
      http_.emplace(HttpPass::Host{.name = name_, .port = port_}, std::exchange(first_, {}));
      return EnterPhase(Phase::kHttp);
  }
  return false;
}

bool RelayedConnection::Pass(Pipes& pipes) {
  const Splice::State out = out_.Pass(inner_, outside_, pipes);
  const Splice::State in = in_.Pass(outside_, inner_, pipes);
  if (out == Splice::State::kBroken || in == Splice::State::kBroken) {
    return Break();
  }
  if (out == Splice::State::kEnded && (in == Splice::State::kEnded || finishing_)) {
    return EnterPhase(Phase::kEnded);
  }
  more_ = out == Splice::State::kMore || in == Splice::State::kMore;
  return false;
}

bool RelayedConnection::PassHttp() {
  const HttpPass::State state = http_->Pass(inner_, outside_);
  if (const auto refusal = http_->TakeRefusal()) {
    NoteRefusal(refusal->objection, refusal->seen);
  }
  switch (state) {
    case HttpPass::State::kWaiting:
      return finishing_ && http_->client_ended() && EnterPhase(Phase::kEnded);
    case HttpPass::State::kMore:
      more_ = true;
      return false;
    case HttpPass::State::kRefused:
      return Answer(HttpRefusal(last_refusal_, name_));
    case HttpPass::State::kEnded:
      return EnterPhase(Phase::kEnded);
    case HttpPass::State::kBroken:
      return Break();
  }
  return false;
}

void RelayedConnection::NoteRefusal(Objection objection, std::string_view seen) {
  refusal_ = {.id = id_, .objection = objection, .seen = SeenText(seen)};
  last_refusal_ = *refusal_;
}

// Nothing has been sent outside. The agent is told in the words of its protocol.
bool RelayedConnection::RefuseFirst(Objection objection, std::string_view seen) {
  NoteRefusal(objection, seen);
  return Answer(RefusalFor(first_, last_refusal_, name_));
}

bool RelayedConnection::Answer(std::string_view refusal) {
  static_cast<void>(
      ::send(inner_.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  static_cast<void>(::shutdown(inner_.get(), SHUT_WR));
  return EnterPhase(Phase::kRefused);
}

// Closing a connection with bytes that were not read resets it, and the agent might not learn why.
bool RelayedConnection::DiscardInput() {
  std::array<std::uint8_t, 4096> bytes{};
  const ssize_t got = ::recv(inner_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) {
    return EnterPhase(Phase::kEnded);
  }
  return got > 0;
}

}  // namespace aegis::proxy
