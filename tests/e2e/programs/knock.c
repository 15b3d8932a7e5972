// Tries to reach peers: knock HOW=ADDRESS/PORT[,ADDRESS/PORT]...; a line "HOW=...<tab>result" for
// each. What arrives says CANARY. With two peers, the second one is what an attempt is about.

#include "net.h"

#include <fcntl.h>
#include <linux/udp.h>
#include <netinet/ip.h>
#include <poll.h>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int connect_and_say(int fd, const Peer *peer) {
  if (fd < 0 || connect(fd, &peer->any, peer->size) < 0) return -1;
  return say_canary(fd);
}

static int tcp_socket(const Peer *peer) { return made(family_of(peer), SOCK_STREAM, 0); }
static int udp_socket(const Peer *peer) { return made(family_of(peer), SOCK_DGRAM, 0); }

static int tcp(const Peers *to) { return connect_and_say(tcp_socket(&to->first), &to->first); }

static int tcp_nonblocking(const Peers *to) {
  int fd = tcp_socket(&to->first);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, &to->first.any, to->first.size) < 0 && errno != EINPROGRESS) return -1;
  struct pollfd ready = {.fd = fd, .events = POLLOUT};
  poll(&ready, 1, 5000);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  return error != 0 ? -1 : say_canary(fd);
}

static int mptcp(const Peers *to) {
  return connect_and_say(made(family_of(&to->first), SOCK_STREAM, IPPROTO_MPTCP), &to->first);
}

static int udp_connect(const Peers *to) {
  return connect_and_say(udp_socket(&to->first), &to->first);
}

static int send_to(int fd, const Peer *peer, int flags) {
  return sendto(fd, CANARY, CANARY_SIZE, flags | MSG_NOSIGNAL, &peer->any, peer->size) < 0 ? -1 : 0;
}

static struct iovec canary(void) {
  return (struct iovec){.iov_base = (char *)CANARY, .iov_len = CANARY_SIZE};
}

static int send_message(int fd, const Peer *peer, int flags) {
  struct iovec data = canary();
  struct msghdr message = {.msg_name = (void *)&peer->any, .msg_namelen = peer->size,
                           .msg_iov = &data, .msg_iovlen = 1};
  return sendmsg(fd, &message, flags | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

// Two messages: the address of the second one counts too.
static int send_messages(int fd, const Peers *to, int flags) {
  struct iovec data = canary();
  struct mmsghdr messages[2] = {0};
  const Peer *peers[] = {&to->first, &to->second};
  for (int i = 0; i < 2; ++i) {
    messages[i].msg_hdr = (struct msghdr){.msg_name = (void *)&peers[i]->any,
                                          .msg_namelen = peers[i]->size,
                                          .msg_iov = &data, .msg_iovlen = 1};
  }
  int sent = sendmmsg(fd, messages, 2, flags | MSG_NOSIGNAL);
  if (sent == 1) errno = ENOMSG;
  return sent == 2 ? 0 : -1;
}

static int udp_sendto(const Peers *to) { return send_to(udp_socket(&to->first), &to->first, 0); }
static int udp_sendmsg(const Peers *to) {
  return send_message(udp_socket(&to->first), &to->first, 0);
}
static int udp_sendmmsg(const Peers *to) { return send_messages(udp_socket(&to->first), to, 0); }

static int udp_elsewhere(const Peers *to) {
  int fd = udp_socket(&to->first);
  if (connect(fd, &to->first.any, to->first.size) < 0) return -1;
  return send_to(fd, &to->second, 0);
}

// The kernel takes AF_UNSPEC for AF_INET here.
static int udp_unspecified(const Peers *to) {
  Peer peer = to->first;
  peer.any.sa_family = AF_UNSPEC;
  return send_to(udp_socket(&to->first), &peer, 0);
}

// An IPv6 socket takes an IPv4 peer.
static int udp_other_family(const Peers *to) {
  return send_to(made(AF_INET6, SOCK_DGRAM, 0), &to->first, 0);
}

static int udp_broadcast(const Peers *to) {
  int fd = udp_socket(&to->first), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  return send_to(fd, &to->first, 0);
}

// Several datagrams by one call, as QUIC stacks send them.
static int udp_segments(const Peers *to) {
  int fd = udp_socket(&to->first), size = (int)CANARY_SIZE;
  if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size) < 0) return -1;
  const char *many = CANARY CANARY CANARY;
  return sendto(fd, many, strlen(many), 0, &to->first.any, to->first.size) < 0 ? -1 : 0;
}

static int udp_zero_copy(const Peers *to) {
  int fd = udp_socket(&to->first), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &yes, sizeof yes);
  return send_to(fd, &to->first, MSG_ZEROCOPY);
}

static int udp_confirm_probe(const Peers *to) {
  return send_to(udp_socket(&to->first), &to->first, MSG_CONFIRM | MSG_DONTROUTE);
}

static int fast_open_sendto(const Peers *to) {
  return send_to(tcp_socket(&to->first), &to->first, MSG_FASTOPEN);
}
static int fast_open_sendmsg(const Peers *to) {
  return send_message(tcp_socket(&to->first), &to->first, MSG_FASTOPEN);
}
static int fast_open_sendmmsg(const Peers *to) {
  struct iovec data = canary();
  struct mmsghdr one = {.msg_hdr = {.msg_name = (void *)&to->first.any,
                                    .msg_namelen = to->first.size,
                                    .msg_iov = &data, .msg_iovlen = 1}};
  int fd = tcp_socket(&to->first);
  return sendmmsg(fd, &one, 1, MSG_FASTOPEN | MSG_NOSIGNAL) == 1 ? 0 : -1;
}
// connect() answers at once; the first data goes with the SYN.
static int fast_open_connect(const Peers *to) {
  int fd = tcp_socket(&to->first), yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &yes, sizeof yes);
  return connect_and_say(fd, &to->first);
}

// A loose source route: to the first peer by way of the second one. The address of the last hop
// stands in the options, and connect() names the first hop.
static int source_route(const Peers *to) {
  int fd = tcp_socket(&to->first);
  unsigned char options[12] = {IPOPT_NOP, IPOPT_LSRR, 7, 4};
  memcpy(options + 4, &to->second.v4.sin_addr, 4);
  if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, 8) < 0) return -1;
  return connect_and_say(fd, &to->first);
}
static int source_route_udp(const Peers *to) {
  int fd = udp_socket(&to->first);
  unsigned char options[12] = {IPOPT_NOP, IPOPT_LSRR, 7, 4};
  memcpy(options + 4, &to->second.v4.sin_addr, 4);
  if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, options, 8) < 0) return -1;
  return send_to(fd, &to->first, 0);
}
// The same with the options beside the message.
static int source_route_message(const Peers *to) {
  struct iovec data = canary();
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(8)];
  } control = {0};
  struct msghdr message = {.msg_name = (void *)&to->first.any, .msg_namelen = to->first.size,
                           .msg_iov = &data, .msg_iovlen = 1,
                           .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = IPPROTO_IP;
  head->cmsg_type = IP_RETOPTS;
  head->cmsg_len = CMSG_LEN(8);
  unsigned char options[8] = {IPOPT_NOP, IPOPT_LSRR, 7, 4};
  memcpy(options + 4, &to->second.v4.sin_addr, 4);
  memcpy(CMSG_DATA(head), options, sizeof options);
  return sendmsg(udp_socket(&to->first), &message, 0) < 0 ? -1 : 0;
}

// Connected to the first peer, dissolved, and then to the second one.
static int dissolved(const Peers *to) {
  int fd = tcp_socket(&to->first);
  if (connect(fd, &to->first.any, to->first.size) < 0 || forget_peer(fd) < 0) return -1;
  return connect_and_say(fd, &to->second);
}
static int dissolved_udp(const Peers *to) {
  int fd = udp_socket(&to->first);
  if (connect(fd, &to->first.any, to->first.size) < 0) return -1;
  forget_peer(fd);
  return connect_and_say(fd, &to->second);
}
static int dissolved_sendto(const Peers *to) {
  int fd = tcp_socket(&to->first);
  if (connect(fd, &to->first.any, to->first.size) < 0 || forget_peer(fd) < 0) return -1;
  return send_to(fd, &to->second, MSG_FASTOPEN);
}
// Without dissolving: a connected socket is moved to another peer.
static int moved(const Peers *to) {
  int fd = tcp_socket(&to->first);
  if (connect(fd, &to->first.any, to->first.size) < 0) return -1;
  return connect_and_say(fd, &to->second);
}
// Whatever became of the first attempt, a second one on the same socket.
static int again(const Peers *to) {
  int fd = tcp_socket(&to->first);
  if (connect(fd, &to->first.any, to->first.size) == 0) shutdown(fd, SHUT_RDWR);
  return connect_and_say(fd, &to->second);
}
static int bound_first(const Peers *to) {
  int fd = tcp_socket(&to->first);
  Peer any = to->first;
  if (family_of(&any) == AF_INET) {
    any.v4.sin_addr.s_addr = 0;
    any.v4.sin_port = 0;
  } else {
    any.v6.sin6_addr = in6addr_any;
    any.v6.sin6_port = 0;
  }
  if (bind(fd, &any.any, any.size) < 0) return -1;
  return connect_and_say(fd, &to->first);
}
// More bytes than an address has: what comes behind must not count.
static int long_address(const Peers *to) {
  struct {
    Peer peer;
    char behind[64];
  } large = {.peer = to->first};
  memset(large.behind, 'x', sizeof large.behind);
  int fd = tcp_socket(&to->first);
  if (connect(fd, &large.peer.any, 128) < 0) return -1;
  return say_canary(fd);
}

static const Way kWays[] = {
    {"tcp", tcp},
    {"tcp-nonblocking", tcp_nonblocking},
    {"mptcp", mptcp},
    {"udp-connect", udp_connect},
    {"udp-sendto", udp_sendto},
    {"udp-sendmsg", udp_sendmsg},
    {"udp-sendmmsg", udp_sendmmsg},
    {"udp-elsewhere", udp_elsewhere},
    {"udp-unspecified", udp_unspecified},
    {"udp-other-family", udp_other_family},
    {"udp-broadcast", udp_broadcast},
    {"udp-segments", udp_segments},
    {"udp-zero-copy", udp_zero_copy},
    {"udp-confirm-probe", udp_confirm_probe},
    {"fast-open-sendto", fast_open_sendto},
    {"fast-open-sendmsg", fast_open_sendmsg},
    {"fast-open-sendmmsg", fast_open_sendmmsg},
    {"fast-open-connect", fast_open_connect},
    {"source-route", source_route},
    {"source-route-udp", source_route_udp},
    {"source-route-message", source_route_message},
    {"dissolved", dissolved},
    {"dissolved-udp", dissolved_udp},
    {"dissolved-sendto", dissolved_sendto},
    {"moved", moved},
    {"again", again},
    {"bound-first", bound_first},
    {"long-address", long_address},
};

int main(int count, char **words) {
  return go_all(kWays, sizeof kWays / sizeof *kWays, count, words);
}
