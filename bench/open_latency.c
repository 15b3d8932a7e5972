// open_latency DIRECTORY COUNT FILES CPU: opens and closes files of DIRECTORY in turn, COUNT times in
// all, and prints p50 and p99 of the opens in nanoseconds. With a CPU other than -1 it sets its own
// affinity to it first. It says "ready" and begins when a byte comes on standard input, so that
// somebody outside can arrange the processes before.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
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

static long OpenOnce(long number) {
  char name[32];
  snprintf(name, sizeof name, "%ld", number);
  const long start = Now();
  const int fd = open(name, O_RDONLY | O_CLOEXEC);
  const long end = Now();
  if (fd < 0) Fail(name);
  close(fd);
  return end - start;
}

static void Pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) Fail("sched_setaffinity");
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const long count = atol(argv[2]), files = atol(argv[3]);
  const int cpu = atoi(argv[4]);
  long* times = calloc((size_t)count, sizeof *times);
  if (times == NULL || chdir(argv[1]) != 0) Fail(argv[1]);
  if (cpu >= 0) Pin(cpu);
  for (long i = 0; i < files; ++i) OpenOnce(i);
  puts("ready");
  fflush(stdout);
  if (getchar() == EOF) return 3;
  for (long i = 0; i < count; ++i) times[i] = OpenOnce(i % files);
  qsort(times, (size_t)count, sizeof *times, Compare);
  printf("%ld %ld\n", times[count / 2], times[count * 99 / 100]);
  return 0;
}
