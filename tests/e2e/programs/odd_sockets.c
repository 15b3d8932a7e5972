// Families, types and protocols beside TCP and UDP: odd_sockets NAME[=ADDRESS/PORT]...; a line
// "NAME...<tab>result" for each. What leaves says CANARY.

#include "net.h"

#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/syscall.h>

static uint16_t checksum(const void *data, size_t size) {
  const uint16_t *words = data;
  uint32_t sum = 0;
  for (size_t i = 0; i < size / 2; ++i) sum += words[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

struct echo {
  struct icmphdr head;
  char text[8];
};

static struct echo echo_request(uint8_t type) {
  struct echo echo = {.head = {.type = type}, .text = CANARY};
  echo.head.checksum = checksum(&echo, sizeof echo);
  return echo;
}

static int send_bytes(int fd, const void *data, size_t size, const Peer *peer) {
  if (fd < 0) return -1;
  return sendto(fd, data, size, 0, &peer->any, peer->size) < 0 ? -1 : 0;
}

static int ping(const Peers *to) {
  const Peer *peer = &to->first;
  bool six = family_of(peer) == AF_INET6;
  struct echo echo = echo_request(six ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
  int fd = made(family_of(peer), SOCK_DGRAM, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  return send_bytes(fd, &echo, sizeof echo, peer);
}

static int ping_connected(const Peers *to) {
  const Peer *peer = &to->first;
  struct echo echo = echo_request(ICMP_ECHO);
  int fd = made(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  if (fd < 0 || connect(fd, &peer->any, peer->size) < 0) return -1;
  return send(fd, &echo, sizeof echo, 0) < 0 ? -1 : 0;
}

static int raw_icmp(const Peers *to) {
  const Peer *peer = &to->first;
  bool six = family_of(peer) == AF_INET6;
  struct echo echo = echo_request(six ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
  Peer host = *peer;
  host.v4.sin_port = 0;
  int fd = made(family_of(peer), SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  return send_bytes(fd, &echo, sizeof echo, &host);
}

struct datagram {
  struct iphdr ip;
  struct udphdr udp;
  char text[CANARY_SIZE];
} __attribute__((packed));

static struct datagram datagram_to(const Peer *peer) {
  struct datagram made = {
      .ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
             .tot_len = htons(sizeof made), .saddr = peer->v4.sin_addr.s_addr,
             .daddr = peer->v4.sin_addr.s_addr},
      .udp = {.dest = peer->v4.sin_port, .source = htons(9999),
              .len = htons(sizeof made.udp + CANARY_SIZE)}};
  memcpy(made.text, CANARY, CANARY_SIZE);
  struct iphdr head = made.ip;
  made.ip.check = checksum(&head, sizeof head);
  return made;
}

static int raw_ip(const Peers *to) {
  struct datagram data = datagram_to(&to->first);
  return send_bytes(made(AF_INET, SOCK_RAW, IPPROTO_RAW), &data, sizeof data, &to->first);
}

static int packet(const Peers *to) {
  const Peer *peer = &to->first;
  struct datagram data = datagram_to(peer);
  struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = 1, .sll_halen = 6};
  int fd = made(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
  if (fd < 0) return -1;
  return sendto(fd, &data, sizeof data, 0, (struct sockaddr *)&link, sizeof link) < 0 ? -1 : 0;
}

static int vsock(const Peers *to) {
  (void)to;
  struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = 9};
  int fd = made(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  // That nobody answers there is an answer from outside.
  if (connect(fd, (struct sockaddr *)&host, sizeof host) < 0 && errno != ECONNRESET &&
      errno != ETIMEDOUT && errno != ENODEV && errno != EADDRNOTAVAIL) {
    return -1;
  }
  return 0;
}

static int with_protocol(const Peer *peer, int type, int protocol) {
  int fd = made(family_of(peer), type, protocol);
  if (fd < 0 || connect(fd, &peer->any, peer->size) < 0) return -1;
  return say_canary(fd);
}
static int sctp(const Peers *to) {
  return with_protocol(&to->first, SOCK_STREAM, IPPROTO_SCTP);
}
static int sctp_packets(const Peers *to) {
  return with_protocol(&to->first, SOCK_SEQPACKET, IPPROTO_SCTP);
}
static int udp_lite(const Peers *to) {
  return with_protocol(&to->first, SOCK_DGRAM, IPPROTO_UDPLITE);
}
static int dccp(const Peers *to) {
  return with_protocol(&to->first, 6, IPPROTO_DCCP);
}

static int open_netlink(int protocol) {
  int fd = made(AF_NETLINK, SOCK_RAW, protocol);
  struct sockaddr_nl own = {.nl_family = AF_NETLINK};
  return fd < 0 ? -1 : bind(fd, (struct sockaddr *)&own, sizeof own);
}
#define NETLINK(way, protocol)            \
  static int way(const Peers *to) {       \
    (void)to;                             \
    return open_netlink(protocol);        \
  }
NETLINK(netlink_generic, NETLINK_GENERIC)
NETLINK(netlink_netfilter, NETLINK_NETFILTER)
NETLINK(netlink_diag, NETLINK_SOCK_DIAG)
NETLINK(netlink_xfrm, NETLINK_XFRM)
NETLINK(netlink_uevent, NETLINK_KOBJECT_UEVENT)
NETLINK(netlink_audit, NETLINK_AUDIT)

// What programs ask to learn their own interfaces.
static int netlink_route(const Peers *to) {
  (void)to;
  struct {
    struct nlmsghdr head;
    struct rtgenmsg body;
  } ask = {.head = {.nlmsg_len = sizeof ask, .nlmsg_type = RTM_GETADDR,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
           .body = {.rtgen_family = AF_INET}};
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  char answer[8192];
  int fd = made(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0 || sendto(fd, &ask, sizeof ask, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) {
    return -1;
  }
  return recv(fd, answer, sizeof answer, 0) <= 0 ? -1 : 0;
}

static int io_uring(const Peers *to) {
  (void)to;
  struct io_uring_params parameters = {0};
  return (int)syscall(SYS_io_uring_setup, 4, &parameters);
}

static const Way kWays[] = {
    {"ping", ping},
    {"ping-connected", ping_connected},
    {"raw-icmp", raw_icmp},
    {"raw-ip", raw_ip},
    {"packet", packet},
    {"vsock", vsock},
    {"sctp", sctp},
    {"sctp-packets", sctp_packets},
    {"udp-lite", udp_lite},
    {"dccp", dccp},
    {"netlink-generic", netlink_generic},
    {"netlink-netfilter", netlink_netfilter},
    {"netlink-diag", netlink_diag},
    {"netlink-xfrm", netlink_xfrm},
    {"netlink-uevent", netlink_uevent},
    {"netlink-audit", netlink_audit},
    {"netlink-route", netlink_route},
    {"io-uring", io_uring},
};

int main(int count, char **words) {
  return go_all(kWays, sizeof kWays / sizeof *kWays, count, words);
}
