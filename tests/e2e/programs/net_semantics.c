// What the calls around connect(2) answer: net_semantics ECHO REFUSED LOST GREET [CASE]...
// Peers are ADDRESS/PORT: one that echoes, one where nobody listens, one that never answers, and one
// that says "hello" and ends. A line "CASE: what<tab>result" for each answer; each case has a process
// of its own. PING in the environment is said in the place of "ping", where the peer does not echo
// but answers.

#include "net.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { kSoon = 5000, kCaseSeconds = 30 };

static Peer echo, refused, lost, greet;
static const char *current;
static const char *ping = "ping";

static void say(const char *what, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("%s: %s\t", current, what);
  vprintf(format, arguments);
  putchar('\n');
  va_end(arguments);
}

static void say_result(const char *what, long result) {
  if (result < 0) {
    say(what, "%s", strerrorname_np(errno));
  } else {
    say(what, "%ld", result);
  }
}

static int fresh(const Peer *peer, int flags) {
  return socket(family_of(peer), SOCK_STREAM | flags, 0);
}

static int try_connect(int fd, const Peer *peer) { return connect(fd, &peer->any, peer->size); }

static int connected(const Peer *peer) {
  int fd = fresh(peer, 0);
  say_result("connect", try_connect(fd, peer));
  return fd;
}

static void say_error(int fd) {
  int error = -1;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  say("SO_ERROR", "%s", error == 0 ? "0" : strerrorname_np(error));
}

static void say_names(int fd, const Peer *peer) {
  Peer found = {.size = sizeof found.v6};
  int result = getpeername(fd, &found.any, &found.size);
  say_result("getpeername", result);
  if (result == 0) {
    say("peer", "%s, %d bytes", memcmp(&found.any, &peer->any, peer->size) == 0 ? "same" : "other",
        (int)found.size);
  }
  found.size = sizeof found.v6;
  say_result("getsockname", getsockname(fd, &found.any, &found.size));
  say("own", "family %d, port %s", found.any.sa_family, found.v4.sin_port != 0 ? "given" : "none");
}

static void say_echo(int fd) {
  char text[16] = "";
  struct pollfd one = {.fd = fd, .events = POLLIN};
  say_result("send", send(fd, ping, strlen(ping), MSG_NOSIGNAL));
  poll(&one, 1, kSoon);
  say_result("recv", recv(fd, text, 4, MSG_WAITALL));
  say("echo", "%s", text);
}

static void say_poll(const char *what, int fd, short events, int timeout) {
  struct pollfd one = {.fd = fd, .events = events};
  int result = poll(&one, 1, timeout);
  say(what, "%d, %#x", result, one.revents);
}

// ---- Blocking and not

static void blocking(void) {
  int fd = connected(&echo);
  say_names(fd, &echo);
  say_error(fd);
  say_echo(fd);
  say_result("again", try_connect(fd, &echo));
}

static void with_poll(void) {
  int fd = fresh(&echo, SOCK_NONBLOCK);
  say_result("connect", try_connect(fd, &echo));
  say_poll("poll", fd, POLLOUT, kSoon);
  say_error(fd);
  say_names(fd, &echo);
  say_result("again", try_connect(fd, &echo));
  say_result("and again", try_connect(fd, &echo));
  say_result("send", send(fd, ping, strlen(ping), 0));
  say_poll("poll", fd, POLLIN, kSoon);
}

static void with_select(void) {
  int fd = fresh(&echo, SOCK_NONBLOCK);
  fd_set write_set, error_set;
  struct timeval patience = {.tv_sec = 5};
  say_result("connect", try_connect(fd, &echo));
  FD_ZERO(&write_set);
  FD_ZERO(&error_set);
  FD_SET(fd, &write_set);
  FD_SET(fd, &error_set);
  say_result("select", select(fd + 1, NULL, &write_set, &error_set, &patience));
  say("sets", "%d %d", FD_ISSET(fd, &write_set) != 0, FD_ISSET(fd, &error_set) != 0);
  say_error(fd);
}

static void before_connecting(void) {
  int fd = fresh(&echo, SOCK_NONBLOCK);
  char byte;
  say_poll("poll", fd, POLLIN | POLLOUT, 0);
  say_names(fd, &echo);
  say_result("send", send(fd, "x", 1, MSG_NOSIGNAL));
  say_result("recv", recv(fd, &byte, 1, 0));
  say_error(fd);
}

static void in_progress(void) {
  int fd = fresh(&lost, SOCK_NONBLOCK);
  char byte;
  say_result("connect", try_connect(fd, &lost));
  say_poll("poll", fd, POLLOUT, 100);
  say_result("again", try_connect(fd, &lost));
  say_error(fd);
  Peer found = {.size = sizeof found.v6};
  say_result("getpeername", getpeername(fd, &found.any, &found.size));
  say_result("send", send(fd, "x", 1, MSG_NOSIGNAL));
  say_result("recv", recv(fd, &byte, 1, 0));
  say_poll("poll at the end", fd, POLLOUT, kSoon);
  say_error(fd);
}

static void send_timeout(void) {
  int fd = fresh(&lost, 0);
  struct timeval short_time = {.tv_usec = 200000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof short_time);
  say_result("connect", try_connect(fd, &lost));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  say_result("again", try_connect(fd, &lost));
}

static void timed_out(void) {
  time_t began = time(NULL);
  connected(&lost);
  say("waited", "%s", time(NULL) - began >= 1 ? "yes" : "no");
}

static void nobody_listens(void) {
  int fd = connected(&refused);
  say_error(fd);
  say_names(fd, &refused);
  say_result("then to the echo", try_connect(fd, &echo));
  say_result("or then", try_connect(fd, &echo));
  int other = fresh(&refused, SOCK_NONBLOCK);
  say_result("not blocking", try_connect(other, &refused));
  say_poll("poll", other, POLLOUT, kSoon);
  say_error(other);
  say_error(other);
  say_poll("poll after", other, POLLOUT, 0);
}

static void dissolved(void) {
  int fd = connected(&echo);
  say_result("dissolve", forget_peer(fd));
  Peer found = {.size = sizeof found.v6};
  say_result("getpeername", getpeername(fd, &found.any, &found.size));
  say_result("again", try_connect(fd, &echo));
  say_echo(fd);
}

static void errors(void) {
  int fd = fresh(&echo, 0), pipes[2];
  struct sockaddr_in other_family = {.sin_family = AF_INET6};
  if (pipe(pipes) < 0) give_up("pipe");
  say_result("no descriptor", try_connect(999, &echo));
  say_result("no socket", try_connect(pipes[0], &echo));
  say_result("no address", connect(fd, NULL, 16));
  say_result("bad address", connect(fd, (void *)1, 16));
  say_result("short", connect(fd, &echo.any, 3));
  say_result("shorter than a family", connect(fd, &echo.any, 1));
  say_result("too long", connect(fd, &echo.any, 4096));
  say_result("family", connect(fd, (struct sockaddr *)&other_family, sizeof other_family));
  say_result("in the end", try_connect(fd, &echo));
  say_echo(fd);
}

// ---- epoll: the descriptor is known to it before connect

static int watched(int fd, uint32_t events) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = events, .data.u64 = 0x1122334455667788};
  say_result("add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
  return epoll;
}

static void say_events(const char *what, int epoll, int timeout) {
  struct epoll_event event = {0};
  int result = epoll_wait(epoll, &event, 1, timeout);
  say(what, "%d, %#x, %s", result, event.events,
      result < 1 || event.data.u64 == 0x1122334455667788 ? "ours" : "foreign");
}

static void say_control(const char *what, int epoll, int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u64 = 0x1122334455667788};
  say_result(what, epoll_ctl(epoll, operation, fd, &event));
}

static void with_epoll(uint32_t flags) {
  int fd = fresh(&echo, SOCK_NONBLOCK);
  int epoll = watched(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | flags);
  say_events("before", epoll, 0);
  say_events("before, again", epoll, 0);
  say_result("connect", try_connect(fd, &echo));
  if (flags & EPOLLONESHOT) {
    say_events("not armed", epoll, 100);
    say_control("arm", epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | flags);
  }
  say_events("connected", epoll, kSoon);
  say_events("connected, again", epoll, 0);
  say_error(fd);
  say_result("send", send(fd, ping, strlen(ping), 0));
  if (flags & EPOLLONESHOT) {
    say_control("arm for input", epoll, EPOLL_CTL_MOD, fd, EPOLLIN | flags);
  } else {
    say_poll("poll", fd, POLLIN, kSoon);
  }
  say_events("answered", epoll, kSoon);
  say_control("a second time", epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
  say_control("input only", epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
  say_events("input", epoll, kSoon);
  say_control("remove", epoll, EPOLL_CTL_DEL, fd, 0);
  say_control("remove again", epoll, EPOLL_CTL_DEL, fd, 0);
  say_events("nothing", epoll, 0);
}

static void epoll_level(void) { with_epoll(0); }
static void epoll_edge(void) { with_epoll(EPOLLET); }
static void epoll_once(void) { with_epoll(EPOLLONESHOT); }
static void epoll_edge_once(void) { with_epoll(EPOLLET | EPOLLONESHOT); }

// As event loops do: edge triggered for ever, of which the first event is waited for by a thread.
static void *wait_for_output(void *argument) {
  struct epoll_event event = {0};
  int epoll = *(int *)argument, result;
  do {
    result = epoll_wait(epoll, &event, 1, kSoon);
  } while (result == 1 && event.events & EPOLLHUP);
  say("thread", "%d, %#x", result, event.events);
  return NULL;
}

static void epoll_thread(void) {
  int fd = fresh(&echo, SOCK_NONBLOCK);
  int epoll = watched(fd, EPOLLOUT | EPOLLET);
  say_events("before", epoll, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_output, &epoll);
  usleep(100000);
  int result = try_connect(fd, &echo), error = errno;
  pthread_join(thread, NULL);
  errno = error;
  say_result("connect", result);
}

static void epoll_twice(void) {
  int fd = fresh(&echo, SOCK_NONBLOCK);
  int one = watched(fd, EPOLLOUT | EPOLLET), two = watched(fd, EPOLLOUT);
  int outer = watched(one, EPOLLIN);
  say_events("one before", one, 0);
  say_result("connect", try_connect(fd, &echo));
  say_events("outer", outer, kSoon);
  say_events("one", one, kSoon);
  say_events("two", two, kSoon);
}

static void epoll_duplicate(void) {
  int fd = fresh(&echo, SOCK_NONBLOCK), copy = dup(fd);
  int epoll = watched(copy, EPOLLOUT | EPOLLET);
  say_events("before", epoll, 0);
  say_result("connect", try_connect(fd, &echo));
  say_events("by the copy", epoll, kSoon);
  close(fd);
  say_echo(copy);
}

static void epoll_refused(void) {
  int fd = fresh(&refused, SOCK_NONBLOCK);
  int epoll = watched(fd, EPOLLOUT | EPOLLET);
  say_events("before", epoll, 0);
  say_result("connect", try_connect(fd, &refused));
  say_events("refused", epoll, kSoon);
  say_error(fd);
}

static void epoll_blocking(void) {
  int fd = fresh(&echo, 0);
  int epoll = watched(fd, EPOLLIN | EPOLLET);
  say_events("before", epoll, 0);
  say_result("connect", try_connect(fd, &echo));
  say_result("send", send(fd, ping, strlen(ping), 0));
  say_events("answered", epoll, kSoon);
  close(fd);
  say_events("closed", epoll, 0);
}

// ---- Ends

static void half_closed(void) {
  int fd = connected(&echo);
  char text[16] = "";
  say_result("send", send(fd, "last", 4, 0));
  say_result("shutdown", shutdown(fd, SHUT_WR));
  say_result("send after", send(fd, "x", 1, MSG_NOSIGNAL));
  say_result("recv", recv(fd, text, sizeof text, MSG_WAITALL));
  say_result("end", recv(fd, text, sizeof text, 0));
  say_poll("poll", fd, POLLIN | POLLOUT | POLLRDHUP, 0);
  say_result("shutdown again", shutdown(fd, SHUT_RDWR));
}

static void ended_by_the_peer(void) {
  int fd = connected(&greet);
  char text[16] = "";
  say_result("recv", recv(fd, text, 6, MSG_WAITALL));
  say_poll("poll", fd, POLLIN | POLLRDHUP, kSoon);
  say_result("end", recv(fd, text, sizeof text, 0));
  say_result("send", send(fd, "x", 1, MSG_NOSIGNAL));
}

static void broken_pipe(void) {
  int fd = connected(&echo);
  shutdown(fd, SHUT_WR);
  pid_t child = fork();
  if (child == 0) {
    send(fd, "x", 1, 0);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  say("signal", "%d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void linger(void) {
  int fd = connected(&echo);
  struct linger at_once = {.l_onoff = 1};
  say_result("setsockopt", setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
  say_result("close", close(fd));
}

static void receive_timeout(void) {
  int fd = fresh(&echo, 0);
  struct timeval short_time = {.tv_usec = 100000};
  char byte;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
  say_result("connect", try_connect(fd, &echo));
  say_result("recv", recv(fd, &byte, 1, 0));
  say_result("recv, not waiting", recv(fd, &byte, 1, MSG_DONTWAIT));
}

// ---- Signals, processes, descriptors

static void on_alarm(int number) { (void)number; }

static void interrupted(void) {
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);
  int fd = fresh(&lost, 0);
  ualarm(200000, 0);
  say_result("connect", try_connect(fd, &lost));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  say_result("again", try_connect(fd, &lost));
}

static void interrupted_and_restarted(void) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  ualarm(200000, 0);
  connected(&lost);
}

static void forked(void) {
  int fd = fresh(&echo, 0), status = 0;
  pid_t child = fork();
  if (child == 0) _exit(try_connect(fd, &echo) < 0 ? errno : 0);
  waitpid(child, &status, 0);
  say("the child's connect", "%d", WEXITSTATUS(status));
  say_names(fd, &echo);
  say_echo(fd);
  say_result("the parent's connect", try_connect(fd, &echo));
}

static void duplicates(void) {
  int fd = fresh(&echo, 0), copy = dup(fd), high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
  say_result("connect", try_connect(copy, &echo));
  say_echo(fd);
  say_echo(high);
  close(fd);
  close(copy);
  say_echo(high);
  say_names(high, &echo);
}

static void descriptor_flags(void) {
  for (int flags = 0; flags < 4; ++flags) {
    int fd = fresh(&echo, (flags & 1 ? SOCK_CLOEXEC : 0) | (flags & 2 ? SOCK_NONBLOCK : 0));
    struct stat status;
    try_connect(fd, &echo);
    say_poll("connected", fd, POLLOUT, kSoon);
    say("flags", "%#x %#x", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
    say_result("fstat", fstat(fd, &status));
    say("mode", "%o, lowest free %d", status.st_mode & S_IFMT, dup(0));
  }
}

static void owner(void) {
  int fd = fresh(&echo, 0);
  fcntl(fd, F_SETOWN, getpid());
  fcntl(fd, F_SETFL, O_ASYNC);
  signal(SIGIO, SIG_IGN);
  say_result("connect", try_connect(fd, &echo));
  say("owner", "%s, %#x", fcntl(fd, F_GETOWN) == getpid() ? "us" : "not us", fcntl(fd, F_GETFL));
}

static void bound_port(void) {
  int fd = fresh(&echo, 0);
  Peer any = echo, bound = {.size = sizeof bound.v6}, found = {.size = sizeof found.v6};
  if (family_of(&any) == AF_INET) any.v4.sin_addr.s_addr = INADDR_ANY;
  else any.v6.sin6_addr = in6addr_any;
  any.v4.sin_port = 0;
  say_result("bind", bind(fd, &any.any, any.size));
  getsockname(fd, &bound.any, &bound.size);
  say_result("connect", try_connect(fd, &echo));
  getsockname(fd, &found.any, &found.size);
  say("port", "%s", bound.v4.sin_port == found.v4.sin_port ? "kept" : "another");
}

static void transfers(void) {
  int fd = connected(&echo), waiting = 0, pipes[2];
  char text[64] = "";
  struct iovec parts[2] = {{text, 3}, {text + 3, 3}};
  if (pipe(pipes) < 0 || write(pipes[1], "spliced", 7) != 7) give_up("pipe");
  FILE *file = tmpfile();
  fputs("from a file", file);
  fflush(file);
  off_t at = 0;
  say_result("sendfile", sendfile(fd, fileno(file), &at, 11));
  say_result("recv", recv(fd, text, 11, MSG_WAITALL));
  say("text", "%s", text);
  say_result("splice", splice(pipes[0], NULL, fd, NULL, 7, 0));
  say_result("peek", recv(fd, text, 7, MSG_PEEK | MSG_WAITALL));
  say_result("FIONREAD", ioctl(fd, FIONREAD, &waiting));
  say("waiting", "%d", waiting);
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  say_result("recvmsg", recvmsg(fd, &message, MSG_WAITALL));
  say_result("read", read(fd, text, sizeof text));
  say_result("sendmsg", sendmsg(fd, &message, 0));
  struct tcp_info info;
  socklen_t size = sizeof info;
  getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
  say("state", "%d", info.tcpi_state);
}

static const struct {
  const char *name;
  void (*act)(void);
} kCases[] = {
    {"blocking", blocking},
    {"poll", with_poll},
    {"select", with_select},
    {"before connecting", before_connecting},
    {"in progress", in_progress},
    {"send timeout", send_timeout},
    {"timed out", timed_out},
    {"nobody listens", nobody_listens},
    {"dissolved", dissolved},
    {"errors", errors},
    {"epoll level", epoll_level},
    {"epoll edge", epoll_edge},
    {"epoll once", epoll_once},
    {"epoll edge once", epoll_edge_once},
    {"epoll thread", epoll_thread},
    {"epoll twice", epoll_twice},
    {"epoll duplicate", epoll_duplicate},
    {"epoll refused", epoll_refused},
    {"epoll blocking", epoll_blocking},
    {"half closed", half_closed},
    {"ended by the peer", ended_by_the_peer},
    {"broken pipe", broken_pipe},
    {"linger", linger},
    {"receive timeout", receive_timeout},
    {"interrupted", interrupted},
    {"interrupted and restarted", interrupted_and_restarted},
    {"forked", forked},
    {"duplicates", duplicates},
    {"descriptor flags", descriptor_flags},
    {"owner", owner},
    {"bound port", bound_port},
    {"transfers", transfers},
};

static void run_case(size_t number) {
  int status = 0;
  current = kCases[number].name;
  pid_t child = fork();
  if (child == 0) {
    pid_t guard = fork();
    if (guard == 0) {
      sleep(kCaseSeconds);
      kill(getppid(), SIGKILL);
      _exit(0);
    }
    kCases[number].act();
    kill(guard, SIGKILL);
    waitpid(guard, &status, 0);
    exit(0);
  }
  waitpid(child, &status, 0);
  say("end", "%#x", status);
}

static bool is_wanted(const char *name, int count, char **words) {
  for (int i = 5; i < count; ++i) {
    if (strcmp(words[i], name) == 0) return true;
  }
  return count == 5;
}

int main(int count, char **words) {
  if (count < 5) return 99;
  setvbuf(stdout, NULL, _IOLBF, 0);
  echo = peer_of(words[1]);
  refused = peer_of(words[2]);
  lost = peer_of(words[3]);
  greet = peer_of(words[4]);
  if (getenv("PING") != NULL) ping = getenv("PING");
  for (size_t i = 0; i < sizeof kCases / sizeof *kCases; ++i) {
    if (is_wanted(kCases[i].name, count, words)) run_case(i);
  }
  return 0;
}
