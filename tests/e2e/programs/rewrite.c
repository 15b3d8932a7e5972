// Rewrites arguments in shared memory while a call is judged.
//   rewrite exec COUNT GOOD BAD       children execute a path that flips between two programs
//   rewrite exec-many COUNT GOOD BAD  the same with a thousand arguments
//   rewrite connect COUNT GOOD BAD    connects to a Unix address that flips between two sockets
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile char *text;
static const char *names[2];
static size_t size;
static atomic_int over;

#define MANY 1000
static char *arguments[MANY + 1] = {"racer"};

static void *flip(void *unused) {
  (void)unused;
  for (unsigned i = 0; !atomic_load(&over); ++i) {
    const char *name = names[i & 1];
    for (size_t at = 0; at < size; ++at) text[at] = name[at];
    for (volatile unsigned wait = 0; wait < (i * 31) % 700; ++wait) {
    }
  }
  return NULL;
}

static int run_one(void) {
  pid_t child = fork();
  if (child == 0) {
    execv((const char *)text, arguments);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 99;
}

static int connect_one(void) {
  struct sockaddr_un *address = (struct sockaddr_un *)(text - offsetof(struct sockaddr_un, sun_path));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  int result = connect(fd, (struct sockaddr *)address, sizeof(*address)) == 0;
  close(fd);
  return result;
}

static int listen_at(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    perror("bind");
    exit(2);
  }
  listen(fd, 4096);
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  long count = atol(argv[2]);
  names[0] = argv[3];
  names[1] = argv[4];
  size = strlen(names[0]) + 1;
  if (size != strlen(names[1]) + 1) return 2;  // names of one length: no mixture names anything
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  struct sockaddr_un *address = (struct sockaddr_un *)page;
  address->sun_family = AF_UNIX;
  text = address->sun_path;
  memcpy((char *)text, names[0], size);
  int exec = !strncmp(argv[1], "exec", 4);
  for (int i = 1; i < MANY && !strcmp(argv[1], "exec-many"); ++i) arguments[i] = "argument";
  int listener = exec ? -1 : listen_at(names[0]);
  pthread_t other;
  if (pthread_create(&other, NULL, flip, NULL) != 0) return 2;
  long succeeded = 0;
  for (long i = 0; i < count; ++i) {
    succeeded += exec ? run_one() : connect_one();
    int peer = exec ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (peer >= 0) close(peer);
  }
  atomic_store(&over, 1);
  pthread_join(other, NULL);
  printf("{\"succeeded\": %ld}\n", succeeded);
  return 0;
}
