// Races against whoever judges a connection: net_race MODE ROUNDS ALLOWED/PORT OTHER/PORT.
//
// In the modes that begin with "address" a thread changes the address in memory while a call reads
// it; in the others threads put other sockets under the descriptor, and listen, dissolve and connect
// on it. Says how many rounds ended well, and holds what listens until its input ends.

#include "net.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { kFd = 200, kMostKept = 400 };

static Peer allowed, other;
static volatile Peer shared;
static atomic_bool stop;
static atomic_int kept;

// ---- The address changes

static void *change_address(void *unused) {
  (void)unused;
  while (!stop) {
    shared.v4.sin_addr.s_addr = other.v4.sin_addr.s_addr;
    for (volatile int i = 0; i < 20; ++i) {}
    shared.v4.sin_addr.s_addr = allowed.v4.sin_addr.s_addr;
    for (volatile int i = 0; i < 20; ++i) {}
  }
  return NULL;
}

static struct sockaddr *shared_address(void) { return (struct sockaddr *)(uintptr_t)&shared.v4; }

static int connect_shared(int fd) {
  if (connect(fd, shared_address(), sizeof shared.v4) < 0) return -1;
  return say_canary(fd);
}

static int send_to_shared(int fd, int flags) {
  return sendto(fd, CANARY, CANARY_SIZE, flags | MSG_NOSIGNAL, shared_address(),
                sizeof shared.v4) < 0 ? -1 : 0;
}

static int send_message_to_shared(int fd, int flags) {
  struct iovec data = {.iov_base = CANARY, .iov_len = CANARY_SIZE};
  struct mmsghdr message = {.msg_hdr = {.msg_name = shared_address(), .msg_iov = &data,
                                        .msg_namelen = sizeof shared.v4, .msg_iovlen = 1}};
  if (flags & MSG_MORE) return sendmmsg(fd, &message, 1, flags & ~MSG_MORE) == 1 ? 0 : -1;
  return sendmsg(fd, &message.msg_hdr, flags | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int address_connect(void) { return connect_shared(made(AF_INET, SOCK_STREAM, 0)); }
static int address_fast_open(void) {
  return send_to_shared(made(AF_INET, SOCK_STREAM, 0), MSG_FASTOPEN);
}
static int address_fast_open_message(void) {
  return send_message_to_shared(made(AF_INET, SOCK_STREAM, 0), MSG_FASTOPEN);
}
static int address_sendto(void) { return send_to_shared(made(AF_INET, SOCK_DGRAM, 0), 0); }
static int address_sendmsg(void) {
  return send_message_to_shared(made(AF_INET, SOCK_DGRAM, 0), 0);
}
static int address_sendmmsg(void) {
  return send_message_to_shared(made(AF_INET, SOCK_DGRAM, 0), MSG_MORE);
}
static int address_udp_connect(void) { return connect_shared(made(AF_INET, SOCK_DGRAM, 0)); }

// ---- The descriptor changes

static void keep_if_listening(int result) {
  if (result == 0 && atomic_fetch_add(&kept, 1) < kMostKept) {
    fcntl(kFd, F_DUPFD_CLOEXEC, kFd + 1);  // until the end
  }
}

static void replace(int type) {
  int fd = made(AF_INET, type | SOCK_NONBLOCK, 0);
  dup2(fd, kFd);
  close(fd);
}

static void *replace_all_the_time(void *unused) {
  (void)unused;
  while (!stop) {
    replace(SOCK_STREAM);
    usleep(30);
  }
  return NULL;
}

static void *use_all_the_time(void *unused) {
  (void)unused;
  for (unsigned round = 0; !stop; ++round) {
    keep_if_listening(listen(kFd, 1));
    forget_peer(kFd);
    if (round % 3 == 0) keep_if_listening(listen(kFd, 1));
    if (connect(kFd, &other.any, other.size) == 0 || errno == EINPROGRESS) say_canary(kFd);
    sendto(kFd, CANARY, CANARY_SIZE, MSG_FASTOPEN | MSG_NOSIGNAL, &other.any, other.size);
  }
  return NULL;
}

static int on_descriptor(int flags) {
  int fd = made(AF_INET, SOCK_STREAM | flags, 0);
  dup2(fd, kFd);
  close(fd);
  int result = connect(kFd, &allowed.any, allowed.size);
  if (forget_peer(kFd) == 0) keep_if_listening(listen(kFd, 1));
  return result;
}
static int descriptor_connect(void) { return on_descriptor(0); }
static int descriptor_nonblocking(void) { return on_descriptor(SOCK_NONBLOCK); }
static int descriptor_message(void) {
  replace(SOCK_STREAM);
  struct iovec data = {.iov_base = CANARY, .iov_len = CANARY_SIZE};
  struct msghdr message = {.msg_name = &allowed.any, .msg_namelen = allowed.size,
                           .msg_iov = &data, .msg_iovlen = 1};
  return sendmsg(kFd, &message, MSG_FASTOPEN | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

// ---- Both

static const struct {
  const char *name;
  int (*round)(void);
  void *(*racers[2])(void *);
} kModes[] = {
    {"address-connect", address_connect, {change_address}},
    {"address-fast-open", address_fast_open, {change_address}},
    {"address-fast-open-message", address_fast_open_message, {change_address}},
    {"address-sendto", address_sendto, {change_address}},
    {"address-sendmsg", address_sendmsg, {change_address}},
    {"address-sendmmsg", address_sendmmsg, {change_address}},
    {"address-udp-connect", address_udp_connect, {change_address}},
    {"descriptor-connect", descriptor_connect, {replace_all_the_time, use_all_the_time}},
    {"descriptor-nonblocking", descriptor_nonblocking, {replace_all_the_time, use_all_the_time}},
    {"descriptor-message", descriptor_message, {replace_all_the_time, use_all_the_time}},
};

static void close_sockets_of_rounds(void) {
  for (int fd = 3; fd < 32; ++fd) close(fd);
}

static int race(size_t mode, int rounds) {
  pthread_t threads[2];
  int well = 0;
  for (int i = 0; i < 2; ++i) {
    if (kModes[mode].racers[i] != NULL) {
      pthread_create(&threads[i], NULL, kModes[mode].racers[i], NULL);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    well += kModes[mode].round() == 0;
    if (kModes[mode].racers[1] == NULL) close_sockets_of_rounds();
  }
  stop = true;
  for (int i = 0; i < 2; ++i) {
    if (kModes[mode].racers[i] != NULL) pthread_join(threads[i], NULL);
  }
  return well;
}

int main(int count, char **words) {
  if (count != 5) return 99;
  allowed = peer_of(words[3]);
  other = peer_of(words[4]);
  memcpy((void *)(uintptr_t)&shared, &allowed, sizeof shared);
  for (size_t mode = 0; mode < sizeof kModes / sizeof *kModes; ++mode) {
    if (strcmp(kModes[mode].name, words[1]) == 0) {
      int well = race(mode, atoi(words[2]));
      char byte;
      printf("%d\n", well);
      fflush(stdout);
      return read(STDIN_FILENO, &byte, 1) < 0;
    }
  }
  return 99;
}
