// Sockets that change hands: handed_on HOW=ADDRESS/PORT[,ADDRESS/PORT]...; a line
// "HOW=...<tab>result" for each. The first peer is one that may be reached, the second one is what it is about.

#include "net.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int connect_and_say(int fd, const Peer *peer) {
  if (fd < 0 || connect(fd, &peer->any, peer->size) < 0) return -1;
  return say_canary(fd);
}

static int connected(const Peer *peer) {
  int fd = made(family_of(peer), SOCK_STREAM, 0);
  return connect(fd, &peer->any, peer->size) < 0 ? -1 : fd;
}

static int dissolve_and_connect(int fd, const Peer *peer) {
  return forget_peer(fd) < 0 ? -1 : connect_and_say(fd, peer);
}

// The child's result becomes ours.
static int result_of_child(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status)) {
    errno = EINTR;
    return -1;
  }
  errno = WEXITSTATUS(status);
  return errno != 0 ? -1 : 0;
}

static void leave_with(int result) { _exit(result < 0 ? errno : 0); }

static int dup_before(const Peers *to) {
  int fd = made(family_of(&to->first), SOCK_STREAM, 0);
  int copy = dup(fd);
  if (connect(copy, &to->first.any, to->first.size) < 0) return -1;
  return say_canary(fd);
}

static int dup_refused(const Peers *to) {
  int fd = made(family_of(&to->first), SOCK_STREAM, 0);
  connect(fd, &to->second.any, to->second.size);
  return connect_and_say(dup(fd), &to->second);
}

static int dup_dissolved(const Peers *to) {
  int fd = made(family_of(&to->first), SOCK_STREAM, 0);
  int copy = dup(fd);
  if (connect(fd, &to->first.any, to->first.size) < 0) return -1;
  dissolve_and_connect(copy, &to->second);
  return dissolve_and_connect(fd, &to->second);
}

static int fork_before(const Peers *to) {
  int fd = made(family_of(&to->first), SOCK_STREAM, 0);
  pid_t child = fork();
  if (child == 0) leave_with(connect(fd, &to->first.any, to->first.size));
  return result_of_child(child) < 0 ? -1 : say_canary(fd);
}

static int fork_after(const Peers *to) {
  int fd = connected(&to->first);
  pid_t child = fork();
  if (child == 0) leave_with(dissolve_and_connect(fd, &to->second));
  return result_of_child(child);
}

static int send_descriptor(int channel, int fd) {
  struct iovec byte = {.iov_base = "x", .iov_len = 1};
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof fd)];
  } control = {0};
  struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                           .cmsg_len = CMSG_LEN(sizeof fd)};
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  return sendmsg(channel, &message, 0) < 0 ? -1 : 0;
}

static int receive_descriptor(int channel) {
  char byte;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control};
  int fd = -1;
  if (recvmsg(channel, &message, 0) <= 0 || message.msg_controllen == 0) return -1;
  memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
  return fd;
}

// The child gets a socket by SCM_RIGHTS and goes on with it.
static int pass(int fd, const Peer *peer, int (*go_on)(int, const Peer *)) {
  int channel[2];
  if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, channel) < 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    close(fd);
    leave_with(go_on(receive_descriptor(channel[1]), peer));
  }
  if (send_descriptor(channel[0], fd) < 0) return -1;
  close(fd);
  return result_of_child(child);
}
static int pass_connected(const Peers *to) {
  return pass(connected(&to->first), &to->second, dissolve_and_connect);
}
static int pass_fresh(const Peers *to) {
  return pass(made(family_of(&to->first), SOCK_STREAM, 0), &to->second, connect_and_say);
}
static int say_to_nobody_else(int fd, const Peer *peer) {
  (void)peer;
  return say_canary(fd);
}
static int pass_and_say(const Peers *to) {
  return pass(connected(&to->first), &to->second, say_to_nobody_else);
}

static int take_by_pidfd(const Peers *to) {
  int fd = connected(&to->first);
  pid_t parent = getpid();
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  pid_t child = fork();
  if (child == 0) {
    close(fd);
    int pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
    int taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    leave_with(taken < 0 ? -1 : dissolve_and_connect(taken, &to->second));
  }
  return result_of_child(child);
}

// A grandchild in a session of its own goes on when its parents are gone.
static int outlive(const Peers *to) {
  pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      setsid();
      usleep(300000);
      leave_with(connect_and_say(made(family_of(&to->second), SOCK_STREAM, 0), &to->second));
    }
    _exit(0);
  }
  return result_of_child(child);
}

typedef struct {
  const Peer *peer;
  int fd, result, error;
} Work;

static void *connect_in_thread(void *argument) {
  Work *work = argument;
  work->result = connect_and_say(work->fd, work->peer);
  work->error = errno;
  return NULL;
}

static int by_thread(const Peers *to) {
  Work work = {.peer = &to->first, .fd = made(family_of(&to->first), SOCK_STREAM, 0)};
  pthread_t thread;
  pthread_create(&thread, NULL, connect_in_thread, &work);
  pthread_join(thread, NULL);
  errno = work.error;
  return work.result;
}

// A process that shares the descriptors but not the memory.
static int by_shared_descriptors(const Peers *to) {
  int fd = made(family_of(&to->first), SOCK_STREAM, 0);
  pid_t child = (pid_t)syscall(SYS_clone, 0x400 /* CLONE_FILES */ | 17 /* SIGCHLD */, 0, 0, 0, 0);
  if (child == 0) leave_with(connect(fd, &to->first.any, to->first.size));
  return result_of_child(child) < 0 ? -1 : say_canary(fd);
}

// Listening on a socket that had to do with outside: says so and holds it until its input ends.
static int hold(int result) {
  char byte;
  if (result < 0) return -1;
  puts("listens");
  fflush(stdout);
  if (read(STDIN_FILENO, &byte, 1) < 0) return -1;
  return 0;
}

static int bind_any(int fd) {
  struct sockaddr_in any = {.sin_family = AF_INET};
  return bind(fd, (struct sockaddr *)&any, sizeof any);
}

static int listen_after_dissolving(const Peers *to) {
  int fd = connected(&to->first);
  if (fd < 0 || forget_peer(fd) < 0) return -1;
  return hold(listen(fd, 8));
}
static int bind_after_dissolving(const Peers *to) {
  int fd = connected(&to->first);
  if (fd < 0 || forget_peer(fd) < 0) return -1;
  bind_any(fd);
  return hold(listen(fd, 8));
}
static int listen_after_refusal(const Peers *to) {
  int fd = made(family_of(&to->second), SOCK_STREAM, 0);
  connect(fd, &to->second.any, to->second.size);
  forget_peer(fd);
  return hold(listen(fd, 8));
}
static int bind_after_refusal(const Peers *to) {
  int fd = made(family_of(&to->second), SOCK_STREAM, 0);
  connect(fd, &to->second.any, to->second.size);
  forget_peer(fd);
  bind_any(fd);
  return hold(listen(fd, 8));
}
static int listen_after_the_end(const Peers *to) {
  char byte;
  int fd = connected(&to->first);
  if (fd < 0) return -1;
  shutdown(fd, SHUT_RDWR);
  while (read(fd, &byte, 1) > 0) {}
  forget_peer(fd);
  return hold(listen(fd, 8));
}
static int datagrams_after_dissolving(const Peers *to) {
  int fd = made(AF_INET, SOCK_DGRAM, 0);
  connect(fd, &to->first.any, to->first.size);
  forget_peer(fd);
  return hold(bind_any(fd));
}
static int listen_at_once(const Peers *to) {
  int fd = made(AF_INET, SOCK_STREAM, 0), yes = 1;
  Peer any = to->first;
  any.v4.sin_addr.s_addr = INADDR_ANY;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, &any.any, any.size) < 0) return -1;
  return hold(listen(fd, 8));
}

static const Way kWays[] = {
    {"dup-before", dup_before},
    {"dup-refused", dup_refused},
    {"dup-dissolved", dup_dissolved},
    {"fork-before", fork_before},
    {"fork-after", fork_after},
    {"pass-connected", pass_connected},
    {"pass-fresh", pass_fresh},
    {"pass-and-say", pass_and_say},
    {"take-by-pidfd", take_by_pidfd},
    {"outlive", outlive},
    {"by-thread", by_thread},
    {"by-shared-descriptors", by_shared_descriptors},
    {"listen-after-dissolving", listen_after_dissolving},
    {"bind-after-dissolving", bind_after_dissolving},
    {"listen-after-refusal", listen_after_refusal},
    {"bind-after-refusal", bind_after_refusal},
    {"listen-after-the-end", listen_after_the_end},
    {"datagrams-after-dissolving", datagrams_after_dissolving},
    {"listen-at-once", listen_at_once},
};

int main(int count, char **words) {
  return go_all(kWays, sizeof kWays / sizeof *kWays, count, words);
}
