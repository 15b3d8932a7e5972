// Options that are set before connect(2) and what they are after it: net_options ADDRESS/PORT...; a
// line "FAMILY NAME<tab>before, after" for each, and for those that are set on a connected socket.

#include "net.h"

#include <poll.h>

static const struct {
  const char *name;
  int level, option, value;
} kNumbers[] = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1},
    {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 50000},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 60000},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 3},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 5},
    {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP, 1},
    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE, 1},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 1},
    {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY, 1},
    {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE, 1000000000},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
    {"TCP_CORK", IPPROTO_TCP, TCP_CORK, 1},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 33},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 11},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 4},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 12345},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 2},
    {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 7},
    {"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 1},
    {"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, 32000},
    {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 1000},
    {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 16384},
    {"TCP_THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1},
    {"IP_TOS", IPPROTO_IP, IP_TOS, 0x10},
    {"IP_TTL", IPPROTO_IP, IP_TTL, 33},
    {"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
    {"IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1},
    {"IP_BIND_ADDRESS_NO_PORT", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1},
    {"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS, 0x20},
    {"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS, 44},
    {"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY, 1},
    {"IPV6_RECVERR", IPPROTO_IPV6, IPV6_RECVERR, 1},
    {"SO_TYPE", SOL_SOCKET, SO_TYPE, -1},
    {"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN, -1},
    {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL, -1},
    {"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN, -1},
    {"SO_ERROR", SOL_SOCKET, SO_ERROR, -1},
};
enum { kCount = sizeof kNumbers / sizeof *kNumbers };

static const char *number_of(int fd, size_t index, char *text, size_t room) {
  int value = -1;
  socklen_t size = sizeof value;
  if (getsockopt(fd, kNumbers[index].level, kNumbers[index].option, &value, &size) < 0) {
    return strerrorname_np(errno);
  }
  snprintf(text, room, "%d", value);
  return text;
}

static int set_number(int fd, size_t index) {
  int value = kNumbers[index].value;
  if (value < 0) return 0;
  return setsockopt(fd, kNumbers[index].level, kNumbers[index].option, &value, sizeof value);
}

static void set_structures(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 9};
  struct timeval receive = {.tv_sec = 21}, send = {.tv_sec = 22, .tv_usec = 500000};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof receive);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, sizeof send);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}

static void say_structures(int fd, const char *family, const char *when) {
  struct linger linger = {0};
  struct timeval receive = {0}, send = {0};
  char name[16] = "";
  socklen_t size = sizeof linger;
  getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size);
  size = sizeof receive;
  getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, &size);
  size = sizeof send;
  getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send, &size);
  size = sizeof name;
  getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size);
  printf("%s SO_LINGER %s\t%d %d\n", family, when, linger.l_onoff, linger.l_linger);
  printf("%s SO_RCVTIMEO %s\t%ld.%06ld\n", family, when, receive.tv_sec, receive.tv_usec);
  printf("%s SO_SNDTIMEO %s\t%ld.%06ld\n", family, when, send.tv_sec, send.tv_usec);
  printf("%s TCP_CONGESTION %s\t%s\n", family, when, name);
}

// One option on a socket of its own, so that none bears on another.
static void try_number(const Peer *peer, const char *family, size_t index) {
  char before[16], after[16], later[16];
  int fd = made(family_of(peer), SOCK_STREAM, 0);
  int set = set_number(fd, index);
  const char *set_result = result_of(set);
  const char *first = number_of(fd, index, before, sizeof before);
  if (connect(fd, &peer->any, peer->size) < 0) give_up("connect");
  const char *second = number_of(fd, index, after, sizeof after);
  int other = made(family_of(peer), SOCK_STREAM, 0);
  if (connect(other, &peer->any, peer->size) < 0) give_up("connect");
  const char *third = number_of(other, index, later, sizeof later);
  printf("%s %s\t%s: before %s, after %s, without %s", family, kNumbers[index].name, set_result,
         first, second, third);
  const char *late = result_of(set_number(other, index));
  printf(", set then %s %s\n", late, number_of(other, index, later, sizeof later));
  close(fd);
  close(other);
}

int main(int count, char **words) {
  for (int i = 1; i < count; ++i) {
    Peer peer = peer_of(words[i]);
    const char *family = family_of(&peer) == AF_INET ? "IPv4" : "IPv6";
    for (size_t index = 0; index < kCount; ++index) try_number(&peer, family, index);
    int fd = socket(family_of(&peer), SOCK_STREAM, 0);
    set_structures(fd);
    say_structures(fd, family, "before");
    if (connect(fd, &peer.any, peer.size) < 0) give_up("connect");
    say_structures(fd, family, "after");
  }
  return 0;
}
