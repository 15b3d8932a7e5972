// Races path arguments against their check. race OPERATION HOW COUNT DIR
//
// DIR/good is a directory of our own and DIR/bad a symlink to a place that must stay untouched, or,
// for "read", a regular file and a symlink to a secret. While the first thread makes COUNT calls on
// a path through one of them, the second
//   exchange: swaps DIR/good and DIR/bad (renameat2 RENAME_EXCHANGE);
//   memory:   rewrites the path's bytes between the two names;
//   cwd:      changes the working directory between the two, in which the first thread names "entry";
//   descriptor: makes the descriptor, relative to which "entry" is named, that of one or the other;
//   none:     does nothing (another process does).
// The operation "flags" opens DIR/badd/entry with openat2, and the second thread rewrites the flags
// between reading and writing.
// Prints one line: calls that succeeded, swaps made, and how often the secret was read.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char good[4096], bad[4096];
static volatile char path[4200];
static size_t differs;  // where the two names differ: "good" or "bad!" is written there
static atomic_int over;
static atomic_long swaps;
static const char *how;
static int base = AT_FDCWD;  // where relative names begin
static int directories[2];
static struct {
  volatile uint64_t flags;
  uint64_t mode, resolve;
} opening;

static void *swap(void *unused) {
  (void)unused;
  while (!atomic_load(&over)) {
    if (how[0] == 'e') {
      if (renameat2(AT_FDCWD, good, AT_FDCWD, bad, RENAME_EXCHANGE) != 0) {
        continue;
      }
    } else if (how[0] == 'f') {
      opening.flags = (atomic_load(&swaps) & 1) ? O_RDONLY : O_WRONLY | O_TRUNC;
    } else if (how[0] == 'c') {
      if (fchdir(directories[atomic_load(&swaps) & 1]) != 0) continue;
    } else if (how[0] == 'd') {
      dup2(directories[atomic_load(&swaps) & 1], base);
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
  int fd = openat(base, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (write(fd, "OVERWRITTEN", 11) != 11) perror("write");
  close(fd);
  return 0;
}

static int open_it(const char *name) {
  int fd = syscall(SYS_openat2, AT_FDCWD, name, &opening, sizeof(opening));
  if (fd < 0) return -1;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && write(fd, "OVERWRITTEN", 11) != 11) {
    perror("write");
  }
  close(fd);
  return 0;
}

static void make_it(const char *name) {
  int fd = openat(base, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
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
  if (how[0] == 'c' || how[0] == 'd') {
    directories[0] = open(good, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    directories[1] = open(bad, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directories[0] < 0 || directories[1] < 0 || fchdir(directories[0]) != 0) return 2;
    strcpy((char *)path, "entry");
    base = how[0] == 'd' ? dup(directories[0]) : AT_FDCWD;
  } else if (how[0] == 'f') {
    snprintf((char *)path, sizeof(path), "%s/entry", bad);
  }
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
      result = unlinkat(base, name, 0);
      if (result == 0 || errno == ENOENT) make_it(name);  // something to remove again
    } else if (!strcmp(operation, "mkdir")) {
      result = mkdirat(base, name, 0700);
      if (result == 0) unlinkat(base, name, AT_REMOVEDIR);
    } else if (!strcmp(operation, "flags")) {
      result = open_it(name);
    } else if (!strcmp(operation, "rename")) {
      make_it(own);
      result = renameat(base, own, base, name);
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
