// tls_server CERTIFICATE ROOT: the peer of the network's figures. On port 443 it speaks HTTP/1.1
// over TLS, a thread a connection: GET /bytes/N answers N bytes from memory, any other path a file
// below ROOT. On port 7 it accepts and closes. It says "ready" when both listen.
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kTlsPort = 443, kClosingPort = 7, kBacklog = 4096, kRequest = 8192, kPiece = 1 << 18 };

static const char g_zeros[kPiece];

struct Connection {
  SSL_CTX* context;
  int root;
  int fd;
};

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static int Listen(unsigned short port) {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1, off = 0;
  const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (fd < 0) Fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, (const struct sockaddr*)&any, sizeof any) != 0) Fail("bind");
  if (listen(fd, kBacklog) != 0) Fail("listen");
  return fd;
}

static void* AcceptAndClose(void* listener) {
  for (int fd = 0; (fd = accept4(*(int*)listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) close(fd);
  Fail("accept");
  return NULL;
}

// Whole, or not at all: 0.
static int Send(SSL* tls, const char* data, size_t size) {
  size_t sent = 0;
  return size == 0 || SSL_write_ex(tls, data, size, &sent) == 1;
}

static int SendHead(SSL* tls, const char* status, long long size) {
  char head[128];
  const int length =
      snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %lld\r\n\r\n", status, size);
  return Send(tls, head, (size_t)length);
}

static int SendZeros(SSL* tls, long long size) {
  if (!SendHead(tls, "200 OK", size)) return 0;
  for (; size > 0; size -= kPiece) {
    if (!Send(tls, g_zeros, (size_t)(size < kPiece ? size : kPiece))) return 0;
  }
  return 1;
}

static int SendFile(SSL* tls, int root, const char* path) {
  const int fd = strstr(path, "..") != NULL ? -1 : openat(root, path, O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (fd < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
    if (fd >= 0) close(fd);
    return SendHead(tls, "404 Not Found", 0);
  }
  int done = SendHead(tls, "200 OK", found.st_size);
  char piece[16384];
  for (ssize_t got; done && (got = read(fd, piece, sizeof piece)) > 0;) {
    done = Send(tls, piece, (size_t)got);
  }
  close(fd);
  return done;
}

// Reads to the end of the head; requests have no body and none comes before the last is answered.
static int ReadRequest(SSL* tls, char* head) {
  for (size_t had = 0, got = 0; had < kRequest - 1; had += got) {
    if (SSL_read_ex(tls, head + had, kRequest - 1 - had, &got) != 1) return 0;
    head[had + got] = '\0';
    if (strstr(head, "\r\n\r\n") != NULL) return 1;
  }
  return 0;
}

static int Answer(SSL* tls, int root, char* head) {
  long long size = 0;
  if (sscanf(head, "GET /bytes/%lld ", &size) == 1) return SendZeros(tls, size);
  char* path = strncmp(head, "GET /", 5) == 0 ? head + 5 : NULL;
  if (path == NULL) return 0;
  path[strcspn(path, " ?")] = '\0';
  return SendFile(tls, root, path);
}

static void* Serve(void* argument) {
  struct Connection* connection = argument;
  const int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SSL* tls = SSL_new(connection->context);
  char head[kRequest];
  if (tls != NULL && SSL_set_fd(tls, connection->fd) == 1 && SSL_accept(tls) == 1) {
    while (ReadRequest(tls, head) && Answer(tls, connection->root, head)) {
    }
  }
  SSL_free(tls);
  close(connection->fd);
  free(connection);
  ERR_clear_error();
  return NULL;
}

static SSL_CTX* Context(const char* certificate) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == NULL || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, certificate, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(1);
  }
  return context;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = Context(argv[1]);
  const int root = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) Fail(argv[2]);
  int closing = Listen(kClosingPort);
  const int listener = Listen(kTlsPort);
  pthread_t thread;
  if (pthread_create(&thread, NULL, AcceptAndClose, &closing) != 0) Fail("pthread_create");
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct Connection* connection = malloc(sizeof *connection);
    if (connection == NULL) Fail("malloc");
    *connection = (struct Connection){context, root, accept4(listener, NULL, NULL, SOCK_CLOEXEC)};
    if (connection->fd < 0) Fail("accept");
    if (pthread_create(&thread, NULL, Serve, connection) != 0) Fail("pthread_create");
    pthread_detach(thread);
  }
}
