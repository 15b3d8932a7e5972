// Races path arguments against their check. race OPERATION HOW COUNT DIR
//
// DIR/good is a directory of our own and DIR/bad a symlink to a place that must stay untouched, or,
// for "read", a regular file and a symlink to a secret. While the first thread makes COUNT calls on
// a path through one of them, the second
//   exchange: swaps DIR/good and DIR/bad (renameat2 RENAME_EXCHANGE);
//   memory:   rewrites the path's bytes between the two names;
//   none:     does nothing (another process does).
// Prints one line: calls that succeeded, swaps made, and how often the secret was read.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char good[4096], bad[4096];
static volatile char path[4200];
static size_t differs;  // where the two names differ: "good" or "bad!" is written there
static atomic_int over;
static atomic_long swaps;
static const char *how;

static void *swap(void *unused) {
  (void)unused;
  while (!atomic_load(&over)) {
    if (how[0] == 'e') {
      if (renameat2(AT_FDCWD, good, AT_FDCWD, bad, RENAME_EXCHANGE) != 0) {
        continue;
      }
    } else {
      const char *other = (atomic_load(&swaps) & 1) ? "good" : "badd";
      for (size_t i = 0; i < 4; ++i) {
        path[differs + i] = other[i];
      }
    }
    atomic_fetch_add(&swaps, 1);
  }
  return NULL;
}

static long leaks;

static int read_it(const char *name) {
  char content[64];
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t size = read(fd, content, sizeof(content) - 1);
  close(fd);
  if (size > 0) {
    content[size] = '\0';
    if (strstr(content, "CANARY") != NULL) ++leaks;
  }
  return 0;
}

static int write_it(const char *name) {
  int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (write(fd, "OVERWRITTEN", 11) != 11) perror("write");
  close(fd);
  return 0;
}

static void make_it(const char *name) {
  int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const char *operation = argv[1];
  how = argv[2];
  long count = atol(argv[3]);
  snprintf(good, sizeof(good), "%s/good", argv[4]);
  snprintf(bad, sizeof(bad), "%s/badd", argv[4]);
  differs = strlen(argv[4]) + 1;
  int through = strcmp(operation, "read") != 0;
  snprintf((char *)path, sizeof(path), "%s%s", good, through ? "/entry" : "");
  char own[4096];
  snprintf(own, sizeof(own), "%s/own", argv[4]);

  pthread_t other;
  if (how[0] != 'n' && pthread_create(&other, NULL, swap, NULL) != 0) return 2;
  long succeeded = 0;
  const char *name = (const char *)path;
  for (long i = 0; i < count || (how[0] != 'n' && atomic_load(&swaps) < count); ++i) {
    int result = -1;
    if (!strcmp(operation, "read")) {
      result = read_it(name);
    } else if (!strcmp(operation, "write")) {
      result = write_it(name);
    } else if (!strcmp(operation, "unlink")) {
      result = unlink(name);
      if (result == 0 || errno == ENOENT) make_it(name);  // something to remove again
    } else if (!strcmp(operation, "mkdir")) {
      result = mkdir(name, 0700);
      if (result == 0) rmdir(name);
    } else if (!strcmp(operation, "rename")) {
      make_it(own);
      result = rename(own, name);
    } else {
      return 2;
    }
    if (result == 0) ++succeeded;
  }
  atomic_store(&over, 1);
  if (how[0] != 'n') pthread_join(other, NULL);
  printf("{\"succeeded\": %ld, \"swaps\": %ld, \"leaks\": %ld}\n", succeeded, atomic_load(&swaps),
         leaks);
  return 0;
}
