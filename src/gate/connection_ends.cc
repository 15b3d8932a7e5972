#include "gate/connection_ends.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "gate/judge.h"
#include "gate/outside_sockets.h"
#include "ledger/entry.h"
#include "ledger/payload.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

constexpr std::size_t kRoom = 16'384;
constexpr int kMostAtOnce = 64;
constexpr int kBuffer = 4 << 20;

template <typename Value>
std::optional<Value> ReadAt(const std::vector<char>& bytes, std::size_t at, std::size_t end) {
  if (end > bytes.size() || at > end || end - at < sizeof(Value)) {
    return std::nullopt;
  }
  Value value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The attribute INET_DIAG_INFO, of which older kernels have less.
std::optional<tcp_info> InfoIn(const std::vector<char>& bytes, std::size_t at, std::size_t end) {
  while (const auto attribute = ReadAt<rtattr>(bytes, at, end)) {
    if (attribute->rta_len < sizeof(rtattr) || attribute->rta_len > end - at) {
      return std::nullopt;
    }
    if (attribute->rta_type == INET_DIAG_INFO) {
      tcp_info info{};
      std::memcpy(&info, bytes.data() + at + RTA_LENGTH(0),
                  std::min(sizeof info, std::size_t{attribute->rta_len} - RTA_LENGTH(0)));
      return info;
    }
    at += RTA_ALIGN(attribute->rta_len);
  }
  return std::nullopt;
}

std::uint64_t CookieIn(const inet_diag_msg& message) {
  return (std::uint64_t{message.id.idiag_cookie[1]} << 32U) | message.id.idiag_cookie[0];
}

}  // namespace

// The kernel counts the other side's end of stream as a byte (RFC 9293). Who resets or dissolves a
// connection sets all counts back: then none is known.
std::optional<ConnectionEnds::Figures> ConnectionEnds::FiguresOf(const tcp_info& info) {
  if (info.tcpi_segs_out == 0) {
    return std::nullopt;
  }
  return Figures{.sent = static_cast<std::int64_t>(info.tcpi_bytes_sent - info.tcpi_bytes_retrans),
                 .received = info.tcpi_data_segs_in == 0
                                 ? 0
                                 : static_cast<std::int64_t>(info.tcpi_bytes_received)};
}

base::UniqueFd ConnectionEnds::Subscribe() {
  base::UniqueFd events(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups =
      1U << (SKNLGRP_INET_TCP_DESTROY - 1U) | 1U << (SKNLGRP_INET6_TCP_DESTROY - 1U);
  (void)::setsockopt(events.get(), SOL_SOCKET, SO_RCVBUF, &kBuffer, sizeof kBuffer);
  if (events.valid() &&
      ::bind(events.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    events.Reset();
  }
  return events;
}

void ConnectionEnds::Take() {
  std::vector<char> bytes(kRoom);
  ssize_t length = 0;
  int left = kMostAtOnce;  // the receive loop stands still meanwhile
  while (left-- > 0 && (length = ::recv(events_.get(), bytes.data(), kRoom, 0)) > 0) {
    bytes.resize(static_cast<std::size_t>(length));
    TakeMessages(bytes);
    bytes.resize(kRoom);
  }
}

void ConnectionEnds::TakeMessages(const std::vector<char>& bytes) {
  std::size_t at = 0;
  while (const auto header = ReadAt<nlmsghdr>(bytes, at, bytes.size())) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > bytes.size() - at) {
      return;
    }
    const std::size_t end = at + header->nlmsg_len;
    const std::size_t body = at + NLMSG_HDRLEN;
    if (const auto message = ReadAt<inet_diag_msg>(bytes, body, end)) {
      if (const auto connection = sockets_.Take(CookieIn(*message))) {
        const auto info = InfoIn(bytes, body + NLMSG_ALIGN(sizeof(inet_diag_msg)), end);
        Record(*connection, info ? FiguresOf(*info) : std::nullopt);
      }
    }
    at += NLMSG_ALIGN(header->nlmsg_len);
  }
}

void ConnectionEnds::Finish(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + patience;
  while (events_.valid() && !sockets_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    pollfd events{events_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&events, 1, static_cast<int>(left.count())) <= 0) {
      break;
    }
    Take();
  }
  for (const Connection& connection : sockets_.TakeAll()) {
    Record(connection, std::nullopt);
  }
}

void ConnectionEnds::Record(const Connection& connection, const std::optional<Figures>& figures) {
  const auto lasted = std::chrono::steady_clock::now() - connection.begun;
  ledger::ActionRecord record;
  record.action = policy::ActionName(policy::Action::kNetConnect);
  record.resource = connection.resource;
  record.context.pid = connection.pid;
  record.context.exe = connection.exe;
  record.context.host = connection.host;
  record.context.port = connection.dialled.port;
  record.context.protocol = "tcp";
  record.context.duration_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(lasted).count();
  if (figures) {
    record.context.bytes_sent = figures->sent;
    record.context.bytes_received = figures->received;
  }
  std::string payload;
  ledger::AppendFinishedPayload(payload, record, judge_.masker());
  // There is nothing left to refuse; the journal that fails refuses whatever comes next.
  (void)judge_.Note(ledger::kActionFinished, payload);
}

}  // namespace aegis::gate
