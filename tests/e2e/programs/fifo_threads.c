// One thread waits in the open of a FIFO while its process gets signals and stops. Prints a line
// for each case: the same natively and inside.
//   fifo_threads DIRECTORY

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kPatienceMs = 10000, kSettleMs = 300 };

static char fifo[PATH_MAX];
static atomic_int handled;
static pthread_t waiter;

static void Sleep(int ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
  while (nanosleep(&time, &time) != 0) {
  }
}

static void Count(int signal) {
  (void)signal;
  atomic_fetch_add(&handled, 1);
}

static void Handle(int number, int flags) {
  struct sigaction action = {.sa_handler = Count, .sa_flags = flags};
  sigaction(number, &action, NULL);
}

static void Mask(int how, int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(how, &set, NULL);
}

static void* Open(void* unused) {
  (void)unused;
  Mask(SIG_UNBLOCK, SIGUSR1);
  const int fd = open(fifo, O_RDONLY);
  const int error = errno;
  exit(fd >= 0 ? 0 : error == EINTR ? 1 : error == 512 ? 2 : 3);
}

// The process with two threads: its exit code is what became of the open. The first thread takes
// SIGUSR1 if `takes`.
static pid_t Start(int restart, int takes) {
  const pid_t pid = fork();
  if (pid != 0) {
    Sleep(kSettleMs);
    return pid;
  }
  alarm(60);
  setpgid(0, 0);  // a group that is no orphan: SIGTSTP stops it
  Handle(SIGUSR1, restart ? SA_RESTART : 0);
  if (!takes) {
    Mask(SIG_BLOCK, SIGUSR1);
  }
  pthread_create(&waiter, NULL, Open, NULL);
  while (1) {
    pause();
  }
}

static const char* Await(pid_t pid, int options, int* status) {
  for (int waited = 0; waited < kPatienceMs; waited += 5) {
    if (waitpid(pid, status, options | WNOHANG) == pid) {
      return WIFSTOPPED(*status)     ? "stopped"
             : WIFCONTINUED(*status) ? "continued"
             : WIFSIGNALED(*status)  ? "killed"
                                     : "exited";
    }
    Sleep(5);
  }
  return "nothing";
}

static const char* Outcome(pid_t pid) {
  static const char* const kOutcomes[] = {"opened", "EINTR", "errno 512", "failed"};
  int status = 0;
  const char* const how = Await(pid, 0, &status);
  if (strcmp(how, "exited") == 0 && WEXITSTATUS(status) < 4) {
    return kOutcomes[WEXITSTATUS(status)];
  }
  if (strcmp(how, "nothing") == 0) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
  }
  return how;
}

// Lets the open succeed, if it still waits.
static const char* Finish(pid_t pid) {
  const int fd = open(fifo, O_RDWR);
  const char* const outcome = Outcome(pid);
  close(fd);
  return outcome;
}

static void Stops(const char* name, int signal, int times) {
  const pid_t pid = Start(1, 1);
  printf("%s:", name);
  for (int i = 0; i < times; ++i) {
    int status = 0;
    kill(pid, signal);
    const char* const stopped = Await(pid, WUNTRACED, &status);
    const int right = WIFSTOPPED(status) && WSTOPSIG(status) == signal;
    kill(pid, SIGCONT);
    printf(" %s %d %s", stopped, right, Await(pid, WCONTINUED, &status));
  }
  printf(" %s\n", Finish(pid));
}

static void Signals(const char* name, int restart, int takes, int times) {
  const pid_t pid = Start(restart, takes);
  for (int i = 0; i < times; ++i) {
    kill(pid, SIGUSR1);
    Sleep(100);
  }
  printf("%s: %s\n", name, restart ? Finish(pid) : Outcome(pid));
}

static void Dies(const char* name, int signal) {
  const pid_t pid = Start(1, 1);
  kill(pid, signal);
  printf("%s: %s\n", name, Outcome(pid));
}

// Signals and stops at any moment: no open may return what is the kernel's own.
static void UnderFire(const char* name) {
  const pid_t pid = Start(1, 0);
  for (int i = 0; i < 150; ++i) {
    kill(pid, i % 3 == 0 ? SIGUSR1 : i % 3 == 1 ? SIGSTOP : SIGCONT);
    Sleep(i % 7);
  }
  kill(pid, SIGCONT);
  printf("%s: %s\n", name, Finish(pid));
}

static void* ExecuteLater(void* unused) {
  Sleep(kSettleMs);
  execl("/bin/sh", "sh", "-c", "exit 0", NULL);
  return unused;
}

static void Executes(const char* name) {
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(60);
    pthread_create(&waiter, NULL, ExecuteLater, NULL);
    Open(NULL);
  }
  printf("%s: %s\n", name, Outcome(pid));
}

int main(int argc, char** argv) {
  if (argc != 2 || snprintf(fifo, sizeof fifo, "%s/fifo", argv[1]) < 0 || mkfifo(fifo, 0600) != 0) {
    return 2;
  }
  setvbuf(stdout, NULL, _IONBF, 0);
  Stops("SIGSTOP", SIGSTOP, 1);
  Stops("SIGTSTP", SIGTSTP, 3);
  Signals("restarted", 1, 0, 3);
  Signals("restarted or handled by another thread", 1, 1, 3);
  Signals("interrupted", 0, 0, 1);
  Dies("SIGTERM", SIGTERM);
  Dies("SIGKILL", SIGKILL);
  UnderFire("under fire");
  Executes("executes");
  return unlink(fifo);
}
