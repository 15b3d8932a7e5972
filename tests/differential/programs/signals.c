// Signals, and calls that they interrupt.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "cases.h"

static volatile int count;
static volatile siginfo_t last;

static void on(int number, siginfo_t* info, void*) {
  (void)number;
  last = *info;
  ++count;
}

static void handle(int number, int flags) {
  struct sigaction action = {.sa_flags = SA_SIGINFO | flags};
  action.sa_sigaction = on;
  sigaction(number, &action, NULL);
}

static int sends_to_group(void) {
  handle(SIGUSR1, 0);
  setpgid(0, 0);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(count);
  }
  until_asleep(child);
  if (kill(0, SIGUSR1) != 0) {
    return 99;
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WEXITSTATUS(status) * 10 + count;
}

static void sending(void) {
  handle(SIGUSR1, 0);
  T("self", kill(getpid(), SIGUSR1));
  say("from", "%d %d %d", last.si_pid == getpid(), last.si_uid == getuid(), last.si_code);
  T("raise", raise(SIGUSR1));
  say("code", "%d", last.si_code);
  T("queue", sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42}));
  say("value", "%d %d", last.si_value.sival_int, last.si_code);
  T("nothing", kill(getpid(), 0));
  T("bad number", kill(getpid(), 65));
  T("negative", kill(getpid(), -1));
  T("no such process", kill(4194304, 0));
  T("no such group", kill(-4194304, SIGUSR1));
  T("tgkill", (long)syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
  T("tgkill bad", (long)syscall(SYS_tgkill, getpid(), 4194304, SIGUSR1));
  T("tkill", (long)syscall(SYS_tkill, getpid(), SIGUSR1));
  int handle_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  T("pidfd", handle_fd);
  T("pidfd signal", (long)syscall(SYS_pidfd_send_signal, handle_fd, SIGUSR1, NULL, 0));
  T("pidfd missing", (long)syscall(SYS_pidfd_open, 4194303, 0));
  T("pidfd signal of a file", (long)syscall(SYS_pidfd_send_signal, 0, SIGUSR1, NULL, 0));
  say("received", "%d", count);
  in_child("group", sends_to_group);
}

static int pipe_ends[2];
static int writes_to_nobody(void) { return (int)write(pipe_ends[1], "x", 1); }
static void broken_pipes(void) {
  T("pipe", pipe(pipe_ends));
  close(pipe_ends[0]);
  in_child("dies", writes_to_nobody);
  signal(SIGPIPE, SIG_IGN);
  T("ignored", (long)write(pipe_ends[1], "x", 1));
  int ends[2];
  T("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  close(ends[0]);
  T("socket", (long)send(ends[1], "x", 1, 0));
  T("fifo", mkfifo("p", 0644));
  int reader = open("p", O_RDONLY | O_NONBLOCK), writer = open("p", O_WRONLY);
  close(reader);
  T("fifo write", (long)write(writer, "x", 1));
  T("fifo no reader", open("p", O_WRONLY | O_NONBLOCK));
}

static void every(long microseconds) {
  // Again and again: the first may come before the call that it is to interrupt.
  struct timeval when = {microseconds / 1000000, microseconds % 1000000};
  struct itimerval timer = {.it_value = when, .it_interval = when};
  setitimer(ITIMER_REAL, &timer, NULL);
}

static void interrupted_open_to_read(void) {
  T("fifo", mkfifo("p", 0644));
  handle(SIGALRM, 0);
  every(20000);
  T("open", open("p", O_RDONLY));
}

static void interrupted_open_to_write(void) {
  T("fifo", mkfifo("p", 0644));
  handle(SIGALRM, 0);
  every(20000);
  T("open", open("p", O_WRONLY));
}

static int interrupted_wait(void) {
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  int result = waitpid(child, NULL, 0), error = errno;
  kill(child, SIGKILL);
  errno = error;
  return result;
}

static void interrupted_calls(void) {
  int ends[2];
  T("pipe", pipe(ends));
  handle(SIGALRM, 0);
  every(20000);
  T("read", (long)read(ends[0], (char[1]){0}, 1));
  T("poll", poll(NULL, 0, -1));
  T("pause", pause());
  T("nanosleep", nanosleep(&(struct timespec){100, 0}, NULL));
  T("wait", interrupted_wait());
}

// With SA_RESTART an open of a FIFO goes on after the handler, until a peer comes.
static void restarted_open(void) {
  T("fifo", mkfifo("p", 0644));
  handle(SIGUSR1, SA_RESTART);
  int told[2];
  T("pipe", pipe(told));
  pid_t child = fork();
  if (child == 0) {
    int fd = open("p", O_RDONLY);
    say("opened", "%s after %d signals", fd < 0 ? error_name(errno) : "ok", count);
    _exit(fd < 0 ? errno : 0);
  }
  until_asleep(child);
  for (int i = 1; i <= 3; ++i) {
    T("signal", kill(child, SIGUSR1));
    until_asleep(child);
  }
  T("writer", close(open("p", O_WRONLY)));
  tell_child("child", child);
}

static void fifo_meeting(void) {
  T("fifo", mkfifo("p", 0644));
  pid_t child = fork();
  if (child == 0) {
    int fd = open("p", O_WRONLY);
    _exit(write(fd, "hello", 5) == 5 ? 0 : 1);
  }
  until_asleep(child);
  int fd = open("p", O_RDONLY);
  T("reader", fd);
  char text[8] = "";
  T("read", (long)read(fd, text, 7));
  say("text", "%s", text);
  tell_child("writer", child);
  T("no more", (long)read(fd, text, 1));
  T("both", open("p", O_RDWR));
  T("nonblocking reader", open("p", O_RDONLY | O_NONBLOCK));
  T("flags", fcntl(fd, F_GETFL));
}

static pid_t opener(int flags) {
  pid_t child = fork();
  if (child == 0) {
    _exit(open("p", flags) < 0 ? errno : 0);
  }
  until_asleep(child);
  return child;
}

static void fifo_killed(void) {
  T("fifo", mkfifo("p", 0644));
  static const int kNumbers[] = {SIGTERM, SIGKILL, SIGINT};
  for (size_t i = 0; i < COUNT(kNumbers); ++i) {
    pid_t child = opener(O_RDONLY);
    T("kill", kill(child, kNumbers[i]));
    tell_child("reader", child);
    child = opener(O_WRONLY);
    T("kill", kill(child, kNumbers[i]));
    tell_child("writer", child);
  }
  T("nobody reads", open("p", O_WRONLY | O_NONBLOCK));
}

static void fifo_stopped(void) {
  T("fifo", mkfifo("p", 0644));
  pid_t child = opener(O_RDONLY);
  T("stop", kill(child, SIGSTOP));
  tell_child("stopped", child);
  T("continue", kill(child, SIGCONT));
  until_asleep(child);
  T("writer", close(open("p", O_WRONLY)));
  tell_child("went on", child);
}

static void* opens_fifo(void* result) {
  *(int*)result = open("p", O_RDONLY);
  return NULL;
}
static void fifo_in_a_thread(void) {
  T("fifo", mkfifo("p", 0644));
  pthread_t thread;
  int result = -1;
  T("thread", pthread_create(&thread, NULL, opens_fifo, &result));
  moment();
  T("other calls go on", close(open("g", O_CREAT | O_WRONLY, 0644)));
  T("writer", close(open("p", O_WRONLY)));
  pthread_join(thread, NULL);
  say("got", "%d", result > 2);
}

static void blocked(void) {
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  handle(SIGUSR1, 0);
  T("block", sigprocmask(SIG_BLOCK, &set, NULL));
  T("send", kill(getpid(), SIGUSR1));
  T("send again", kill(getpid(), SIGUSR1));
  T("open meanwhile", close(open("f", O_CREAT | O_WRONLY, 0644)));
  T("pending", sigpending(&pending) || sigismember(&pending, SIGUSR1));
  say("handled", "%d", count);
  T("unblock", sigprocmask(SIG_UNBLOCK, &set, NULL));
  say("handled", "%d", count);
  T("block", sigprocmask(SIG_BLOCK, &set, NULL));
  T("queue", sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 7}));
  siginfo_t info;
  T("wait", sigtimedwait(&set, &info, &(struct timespec){5, 0}));
  say("info", "%d %d", info.si_value.sival_int, info.si_pid == getpid());
  T("time out", sigtimedwait(&set, &info, &(struct timespec){0, 1000}));
  int fd = signalfd(-1, &set, SFD_NONBLOCK);
  T("signalfd", fd);
  T("nothing", (long)read(fd, (char[128]){0}, 128));
  T("send", kill(getpid(), SIGUSR2));
  struct signalfd_siginfo got;
  T("read", (long)read(fd, &got, sizeof got));
  say("got", "%u %d", got.ssi_signo, got.ssi_pid == (unsigned)getpid());
}

static void child_signals(void) {
  handle(SIGCHLD, 0);
  pid_t child = fork();
  if (child == 0) {
    _exit(7);
  }
  while (count == 0) {
    moment();
  }
  say("info", "%d %d %d", last.si_code, last.si_status, last.si_pid == child);
  tell_child("child", child);
  handle(SIGCHLD, SA_NOCLDWAIT);
  child = fork();
  if (child == 0) {
    _exit(7);
  }
  T("no zombie", (long)waitpid(child, NULL, 0));
  signal(SIGCHLD, SIG_IGN);
  child = fork();
  if (child == 0) {
    _exit(7);
  }
  T("ignored", (long)waitpid(child, NULL, 0));
}

static void timers(void) {
  handle(SIGALRM, 0);
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  event.sigev_value.sival_int = 9;
  T("create", timer_create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec when = {.it_value = {0, 1000000}};
  T("set", timer_settime(timer, 0, &when, NULL));
  while (count == 0) {
    moment();
  }
  say("value", "%d %d", last.si_value.sival_int, last.si_code);
  T("delete", timer_delete(timer));
  T("alarm", alarm(0));
  T("cpu clock", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &(struct timespec){0}));
  T("set clock", clock_settime(CLOCK_MONOTONIC, &(struct timespec){0}));
}

static int faults(void) { return *(volatile int*)8; }
static int aborts(void) { abort(); }
static int traps(void) { __builtin_trap(); }
static int unknown_call(void) { return syscall(100000) < 0 ? errno : 0; }
static int stops(void) { return raise(SIGSTOP); }

static void deaths(void) {
  in_child("fault", faults);
  in_child("abort", aborts);
  in_child("trap", traps);
  in_child("unknown call", unknown_call);
  in_child("stop", stops);
  T("continue", kill(0, SIGCONT));
}

static volatile int seen_in_open;
static void opens_in_handler(int number) {
  (void)number;
  int fd = open("h", O_CREAT | O_WRONLY | O_APPEND, 0644);
  if (fd >= 0 && write(fd, ".", 1) == 1) {
    ++seen_in_open;
  }
  close(fd);
}

// Signals that arrive all the time change nothing about what calls do.
static void under_fire(void) {
  struct sigaction action = {.sa_handler = opens_in_handler, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {.it_value = {0, 500}, .it_interval = {0, 500}};
  setitimer(ITIMER_REAL, &timer, NULL);
  int failures[6] = {0};
  for (int i = 0; i < 400; ++i) {
    const char* name = named("n%d", i);
    failures[0] += mkdir(name, 0755) != 0;
    int fd = open(named("n%d/f", i), O_CREAT | O_EXCL | O_WRONLY, 0644);
    failures[1] += fd < 0;
    close(fd);
    failures[2] += rename(named("n%d/f", i), named("n%d/g", i)) != 0;
    failures[3] += unlink(named("n%d/g", i)) != 0;
    failures[4] += rmdir(named("n%d", i)) != 0;
    failures[5] += chmod(".", 0755) != 0;
  }
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  say("failed", "mkdir %d creat %d rename %d unlink %d rmdir %d chmod %d", failures[0], failures[1],
      failures[2], failures[3], failures[4], failures[5]);
  say("handler ran", "%d", seen_in_open > 0);
  T("remove", unlink("h"));
}

// What an interrupted call left undone.
static int removes_all(void) {
  for (int i = 0; i < 400; ++i) {
    unlink(named("n%d", i));
    rmdir(named("n%d", i));
  }
  return 0;
}

// Calls on files are not interrupted, natively.
static void under_fire_without_restart(void) {
  struct sigaction action = {.sa_handler = opens_in_handler};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {.it_value = {0, 500}, .it_interval = {0, 500}};
  setitimer(ITIMER_REAL, &timer, NULL);
  int failures[4] = {0};
  for (int i = 0; i < 400; ++i) {
    const char* name = named("n%d", i);
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
    failures[0] += fd < 0;
    close(fd);
    failures[1] += unlink(name) != 0;
    failures[2] += mkdir(name, 0755) != 0;
    failures[3] += rmdir(name) != 0;
  }
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  say("failed", "%d", failures[0] + failures[1] + failures[2] + failures[3] > 0);
  T("remove", unlink("h"));
  in_child("clean up", removes_all);
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(sending),
    C(broken_pipes),
    C(interrupted_open_to_read),
    C(interrupted_open_to_write),
    C(interrupted_calls),
    C(restarted_open),
    C(fifo_meeting),
    C(fifo_killed),
    C(fifo_stopped),
    C(fifo_in_a_thread),
    C(blocked),
    C(child_signals),
    C(timers),
    C(deaths),
    C(under_fire),
    C(under_fire_without_restart)};
GROUP(kSignals, "signals", kCases);
