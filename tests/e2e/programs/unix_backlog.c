// Connects to a Unix socket whose backlog is full. Prints a line for each case: the same natively
// and inside.
//   unix_backlog DIRECTORY

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kPatienceMs = 10000, kSettleMs = 300, kTimeoutMs = 400 };

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int type = SOCK_STREAM;

static void Sleep(int ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
  while (nanosleep(&time, &time) != 0) {
  }
}

static void Nothing(int signal) { (void)signal; }

// A server that has as many clients waiting as it lets.
static int Full(void) {
  unlink(address.sun_path);
  const int server = socket(AF_UNIX, type, 0);
  if (bind(server, (struct sockaddr*)&address, sizeof address) != 0 || listen(server, 0) != 0) {
    perror("server");
    exit(2);
  }
  while (1) {
    const int client = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    if (connect(client, (struct sockaddr*)&address, sizeof address) != 0) {
      printf("%s ", errno == EAGAIN ? "EAGAIN" : strerrorname_np(errno));
      close(client);
      return server;
    }
  }
}

// A process that connects and waits: its exit code is the errno.
static pid_t Client(int server, int restart, int timeout_ms) {
  const pid_t pid = fork();
  if (pid != 0) {
    Sleep(kSettleMs);
    return pid;
  }
  alarm(60);
  close(server);
  struct sigaction action = {.sa_handler = Nothing, .sa_flags = restart ? SA_RESTART : 0};
  sigaction(SIGUSR1, &action, NULL);
  const int client = socket(AF_UNIX, type, 0);
  const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
  setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  const int result = connect(client, (struct sockaddr*)&address, sizeof address);
  const int error = result == 0 ? 0 : errno;
  const int flags = fcntl(client, F_GETFL);
  if ((flags & O_NONBLOCK) != 0) {
    _exit(255);
  }
  _exit(error == 512 ? 254 : error);
}

static const char* Await(pid_t pid, int options) {
  for (int waited = 0; waited < kPatienceMs; waited += 5) {
    int status = 0;
    if (waitpid(pid, &status, options | WNOHANG) == pid) {
      return WIFSTOPPED(status)                     ? "stopped"
             : WIFCONTINUED(status)                 ? "continued"
             : WIFSIGNALED(status)                  ? "killed"
             : WEXITSTATUS(status) == 0             ? "connected"
             : strerrorname_np(WEXITSTATUS(status)) ? strerrorname_np(WEXITSTATUS(status))
                                                    : "failed";
    }
    Sleep(5);
  }
  return "nothing";
}

static int Waits(pid_t pid) { return waitpid(pid, NULL, WNOHANG) == 0; }

static void Accept(int server) { close(accept(server, NULL, NULL)); }

static void Accepted(void) {
  const int server = Full();
  const pid_t pid = Client(server, 1, 0);
  printf("accepted: waits %d,", Waits(pid));
  Accept(server);
  printf(" %s\n", Await(pid, 0));
  close(server);
}

static void Closed(void) {
  const int server = Full();
  const pid_t pid = Client(server, 1, 0);
  close(server);
  printf("closed: %s\n", Await(pid, 0));
}

static void TimedOut(void) {
  const int server = Full();
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  const pid_t pid = Client(server, 1, kTimeoutMs);
  const char* const how = Await(pid, 0);
  clock_gettime(CLOCK_MONOTONIC, &end);
  const long ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
  printf("timed out: %s %d\n", how, ms >= kTimeoutMs - 10 && ms < kTimeoutMs + 2000);
  close(server);
}

static void Signalled(const char* name, int restart, int timeout_ms, int times) {
  const int server = Full();
  const pid_t pid = Client(server, restart, timeout_ms);
  for (int i = 0; i < times; ++i) {
    kill(pid, SIGUSR1);
    Sleep(100);
  }
  printf("%s: waits %d,", name, restart && timeout_ms == 0 ? Waits(pid) : 0);
  if (restart && timeout_ms == 0) {
    Accept(server);
  }
  printf(" %s\n", Await(pid, 0));
  close(server);
}

static void Stopped(void) {
  const int server = Full();
  const pid_t pid = Client(server, 1, 0);
  kill(pid, SIGSTOP);
  printf("stopped: %s", Await(pid, WUNTRACED));
  kill(pid, SIGCONT);
  printf(" %s", Await(pid, WCONTINUED));
  Accept(server);
  printf(" %s\n", Await(pid, 0));
  close(server);
}

static void Killed(void) {
  const int server = Full();
  const pid_t pid = Client(server, 1, 0);
  kill(pid, SIGKILL);
  printf("killed: %s\n", Await(pid, 0));
  close(server);
}

// More than one, and the server answers while they wait.
static void Many(void) {
  enum { kClients = 20 };
  const int server = Full();
  pid_t pids[kClients];
  for (int i = 0; i < kClients; ++i) {
    pids[i] = fork();
    if (pids[i] == 0) {
      const int client = socket(AF_UNIX, type, 0);
      _exit(connect(client, (struct sockaddr*)&address, sizeof address) == 0 ? 0 : errno);
    }
  }
  int connected = 0;
  for (int i = 0; i < kClients; ++i) {
    Accept(server);
  }
  for (int i = 0; i < kClients; ++i) {
    connected += strcmp(Await(pids[i], 0), "connected") == 0;
  }
  printf("many: %d\n", connected);
  close(server);
}

int main(int argc, char** argv) {
  if (argc != 2 || chdir(argv[1]) != 0) {
    return 2;
  }
  strcpy(address.sun_path, "backlog");
  setvbuf(stdout, NULL, _IONBF, 0);
  for (int i = 0; i < 2; ++i, type = SOCK_SEQPACKET) {
    Accepted();
    Closed();
    TimedOut();
    Signalled("restarted", 1, 0, 3);
    Signalled("interrupted", 0, 0, 1);
    Signalled("interrupted in spite of SA_RESTART", 1, 5000, 1);
    Stopped();
    Killed();
    Many();
  }
  return unlink(address.sun_path);
}
