// Children execute one program with an argument that a thread rewrites while the call is judged.
//   rewrite_argv COUNT PROGRAM GOOD BAD
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile char *text;
static const char *words[2];
static size_t size;
static atomic_int over;

static void *flip(void *unused) {
  (void)unused;
  for (unsigned i = 0; !atomic_load(&over); ++i) {
    for (size_t at = 0; at < size; ++at) text[at] = words[i & 1][at];
    for (volatile unsigned wait = 0; wait < (i * 31) % 700; ++wait) {
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  words[0] = argv[3];
  words[1] = argv[4];
  size = strlen(words[0]) + 1;
  if (size != strlen(words[1]) + 1) return 2;
  text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memcpy((char *)text, words[0], size);
  pthread_t other;
  if (pthread_create(&other, NULL, flip, NULL) != 0) return 2;
  for (long left = atol(argv[1]); left > 0; --left) {
    pid_t child = fork();
    if (child == 0) {
      char *arguments[] = {argv[2], (char *)text, NULL};
      execv(argv[2], arguments);
      _exit(99);
    }
    waitpid(child, NULL, 0);
  }
  atomic_store(&over, 1);
  pthread_join(other, NULL);
  return 0;
}
