// tls_client MODE HOST CERTIFICATE COUNT: what HTTPS to HOST takes, which has to prove itself by
// CERTIFICATE, in nanoseconds on standard output.
//   bytes     one response of COUNT bytes, from the request to its last byte
//   requests  COUNT requests, each with a look-up, a connection and a handshake of its own
//   kept      COUNT requests on one connection, its making included
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kShort = 1000, kBuffer = 1 << 16 };

static long long Now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void Fail(const char* what) {
  perror(what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static int Connect(const char* host) {
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo* found = NULL;
  const int error = getaddrinfo(host, "443", &hints, &found);
  if (error != 0) Fail(gai_strerror(error));
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) Fail("connect");
  freeaddrinfo(found);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static SSL* Open(SSL_CTX* context, const char* host) {
  SSL* tls = SSL_new(context);
  if (tls == NULL || SSL_set_fd(tls, Connect(host)) != 1 ||
      SSL_set_tlsext_host_name(tls, host) != 1 || SSL_set1_host(tls, host) != 1 ||
      SSL_connect(tls) != 1) {
    Fail("TLS");
  }
  return tls;
}

static void Close(SSL* tls) {
  const int fd = SSL_get_fd(tls);
  SSL_shutdown(tls);
  SSL_free(tls);
  // No TIME_WAIT: the rounds would use up the ports.
  const struct linger linger = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

// Reads a response of `size` bytes after its head.
static void Get(SSL* tls, const char* host, long long size) {
  static char buffer[kBuffer];
  size_t some = 0;
  const int length =
      snprintf(buffer, sizeof buffer, "GET /bytes/%lld HTTP/1.1\r\nHost: %s\r\n\r\n", size, host);
  if (SSL_write_ex(tls, buffer, (size_t)length, &some) != 1) Fail("request");
  long long left = -1;
  while (left != 0) {
    if (SSL_read_ex(tls, buffer, sizeof buffer - 1, &some) != 1) Fail("response");
    if (left >= 0) {
      left -= (long long)some;
      continue;
    }
    // The server writes the head in one piece, so one read has all of it.
    buffer[some] = '\0';
    const char* body = strstr(buffer, "\r\n\r\n");
    if (body == NULL || strncmp(buffer, "HTTP/1.1 200", 12) != 0) Fail("no good response");
    left = size - (long long)(some - (size_t)(body + 4 - buffer));
  }
}

static long long Transfer(SSL_CTX* context, const char* host, long long size) {
  SSL* tls = Open(context, host);
  const long long start = Now();
  Get(tls, host, size);
  const long long end = Now();
  Close(tls);
  return end - start;
}

static long long Requests(SSL_CTX* context, const char* host, long long count) {
  const long long start = Now();
  for (long long i = 0; i < count; ++i) {
    SSL* tls = Open(context, host);
    Get(tls, host, kShort);
    Close(tls);
  }
  return Now() - start;
}

static long long KeptRequests(SSL_CTX* context, const char* host, long long count) {
  const long long start = Now();
  SSL* tls = Open(context, host);
  for (long long i = 0; i < count; ++i) Get(tls, host, kShort);
  Close(tls);
  return Now() - start;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == NULL || SSL_CTX_load_verify_locations(context, argv[3], NULL) != 1) Fail(argv[3]);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  const long long count = atoll(argv[4]);
  long long took = 0;
  if (strcmp(argv[1], "bytes") == 0) {
    took = Transfer(context, argv[2], count);
  } else if (strcmp(argv[1], "requests") == 0) {
    took = Requests(context, argv[2], count);
  } else if (strcmp(argv[1], "kept") == 0) {
    took = KeptRequests(context, argv[2], count);
  } else {
    return 2;
  }
  printf("%lld\n", took);
  return 0;
}
