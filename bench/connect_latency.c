// connect_latency PORT COUNT: connects to 127.0.0.1:PORT and closes, COUNT times after some to warm
// up, and prints p50 and p99 of the connects in nanoseconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
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

static long ConnectOnce(const struct sockaddr_in* peer) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail("socket");
  const long start = Now();
  if (connect(fd, (const struct sockaddr*)peer, sizeof *peer) != 0) Fail("connect");
  const long end = Now();
  // No TIME_WAIT: the rounds would use up the ports.
  const struct linger linger = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
  return end - start;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const long count = atol(argv[2]);
  long* times = calloc((size_t)count, sizeof *times);
  if (times == NULL) Fail("calloc");
  for (long i = 0; i < count / 10; ++i) ConnectOnce(&peer);
  for (long i = 0; i < count; ++i) times[i] = ConnectOnce(&peer);
  qsort(times, (size_t)count, sizeof *times, Compare);
  printf("%ld %ld\n", times[count / 2], times[count * 99 / 100]);
  return 0;
}
