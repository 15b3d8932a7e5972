// connect_latency MODE HOST PORT COUNT: looks HOST up, connects there and closes, COUNT times after
// some to warm up, and prints p50 and p99 of the connects in nanoseconds. With the MODE wait the
// call itself waits; with poll the socket is non-blocking, and the time ends when the connection
// stands.
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long Now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000L + at.tv_nsec;
}

static int Compare(const void* one, const void* other) {
  const long a = *(const long*)one, b = *(const long*)other;
  return (a > b) - (a < b);
}

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static struct addrinfo* LookUp(const char* host, const char* port) {
  const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
  struct addrinfo* found = NULL;
  const int error = getaddrinfo(host, port, &hints, &found);
  if (error != 0) Fail(gai_strerror(error));
  return found;
}

// Waits until a connection that has begun stands.
static void Await(int fd) {
  struct pollfd waited = {.fd = fd, .events = POLLOUT};
  if (poll(&waited, 1, -1) != 1) Fail("poll");
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) Fail("getsockopt");
  if (error != 0) Fail(strerror(error));
}

static long ConnectOnce(const struct addrinfo* peer, int type) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);
  if (fd < 0) Fail("socket");
  const long start = Now();
  if (connect(fd, peer->ai_addr, peer->ai_addrlen) != 0) {
    if (type != SOCK_NONBLOCK || errno != EINPROGRESS) Fail("connect");
    Await(fd);
  }
  const long end = Now();
  // No TIME_WAIT: the rounds would use up the ports.
  const struct linger linger = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
  return end - start;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int type = strcmp(argv[1], "poll") == 0 ? SOCK_NONBLOCK : 0;
  const long count = atol(argv[4]);
  long* times = calloc((size_t)count, sizeof *times);
  if (times == NULL) Fail("calloc");
  struct addrinfo* peer = LookUp(argv[2], argv[3]);
  for (long i = 0; i < count / 10; ++i) ConnectOnce(peer, type);
  for (long i = 0; i < count; ++i) times[i] = ConnectOnce(peer, type);
  qsort(times, (size_t)count, sizeof *times, Compare);
  printf("%ld %ld\n", times[count / 2], times[count * 99 / 100]);
  return 0;
}
