#include "proxy/published_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <utility>

#include "base/unique_fd.h"
#include "proxy/inside_sockets.h"
#include "proxy/splice.h"
#include "proxy/tcp_socket.h"

namespace aegis::proxy {

PublishedConnection::PublishedConnection(base::UniqueFd client, std::uint16_t port)
    : port_(port), outer_(std::move(client)) {
  SetNumber(outer_, SOL_TCP, TCP_NODELAY, 1);  // the server decides when to send
}

PublishedConnection::State PublishedConnection::Drive(const InsideSockets& inside, Pipes& pipes) {
  if (phase_ == Phase::kPassing) {
    return Pass(pipes);
  }
  if (StateOf(outer_) == Connecting::kFailed) {
    return Break();  // the client did not wait
  }
  const Connecting state = inner_.valid() ? StateOf(inner_) : Connecting::kFailed;
  if (state == Connecting::kPending) {
    return State::kWaiting;
  }
  if (state == Connecting::kFailed) {
    return Dial(inside);
  }
  SetNumber(inner_, SOL_TCP, TCP_NODELAY, 1);
  phase_ = Phase::kPassing;
  return Pass(pipes);
}

PublishedConnection::State PublishedConnection::Dial(const InsideSockets& inside) {
  inner_.Reset();
  while (!inner_.valid() && phase_ != Phase::kNobody) {
    const bool four = phase_ == Phase::kFour;
    phase_ = four ? Phase::kSix : Phase::kNobody;
    inner_ = inside.Dial(four ? AF_INET : AF_INET6, port_);
  }
  return inner_.valid() ? State::kDialled : Break();
}

PublishedConnection::State PublishedConnection::Pass(Pipes& pipes) {
  const Splice::State in = in_.Pass(outer_, inner_, pipes);
  const Splice::State out = out_.Pass(inner_, outer_, pipes);
  if (in == Splice::State::kBroken || out == Splice::State::kBroken) {
    return Break();
  }
  if (in == Splice::State::kEnded && out == Splice::State::kEnded) {
    return State::kEnded;
  }
  return in == Splice::State::kMore || out == Splice::State::kMore ? State::kMore : State::kWaiting;
}

PublishedConnection::State PublishedConnection::Break() {
  ResetWhenClosed(outer_);
  if (inner_.valid()) {
    ResetWhenClosed(inner_);
  }
  return State::kEnded;
}

}  // namespace aegis::proxy
