// Processes: waiting, groups and sessions, what threads and clones share, limits, identities.
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "cases.h"

static void info(const char* label, int kind, pid_t who, int options) {
  siginfo_t got = {0};
  long result = waitid((idtype_t)kind, (id_t)who, &got, options);
  if (result < 0) {
    say(label, "%s", error_name(errno));
  } else {
    say(label, "%ld code %d status %d ours %d", result, got.si_code, got.si_status,
        got.si_pid == who);
  }
}

static void waiting(void) {
  pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    pause();
    _exit(1);
  }
  info("stopped", P_PID, child, WSTOPPED | WNOWAIT);
  info("stopped again", P_PID, child, WSTOPPED);
  info("nothing", P_PID, child, WSTOPPED | WNOHANG);
  T("continue", kill(child, SIGCONT));
  info("continued", P_PID, child, WCONTINUED);
  T("terminate", kill(child, SIGTERM));
  info("ended, kept", P_PID, child, WEXITED | WNOWAIT);
  info("ended", P_PID, child, WEXITED);
  info("gone", P_PID, child, WEXITED);
  info("no options", P_PID, child, 0);
  T("no children", waitpid(-1, NULL, WNOHANG));
  T("bad options", waitpid(-1, NULL, 0x100));
  child = fork();
  if (child == 0) {
    _exit(300);
  }
  int handle = (int)syscall(SYS_pidfd_open, child, 0);
  struct pollfd ready = {.fd = handle, .events = POLLIN};
  T("poll", poll(&ready, 1, -1));
  siginfo_t got = {0};
  T("by pidfd", waitid(P_PIDFD, (id_t)handle, &got, WEXITED));
  say("status", "%d", got.si_status);
  T("pidfd of the dead", (long)syscall(SYS_pidfd_send_signal, handle, 0, NULL, 0));
  struct rusage usage;
  child = fork();
  if (child == 0) {
    _exit(0);
  }
  T("wait4", wait4(child, NULL, 0, &usage) == child);
  T("not our child", waitpid(getppid(), NULL, 0));
  T("times", times(&(struct tms){0}) == (clock_t)-1);
}

static void groups(void) {
  pid_t own = getpid();
  say("group", "%d", getpgrp() == own);
  T("getpgid", getpgid(0) == own);
  T("setpgid itself", setpgid(0, 0));
  T("setpgid elsewhere", setpgid(0, 4194304));
  T("setpgid negative", setpgid(0, -1));
  T("setpgid of nobody", setpgid(4194304, 0));
  T("setsid of a leader", setsid());
  pid_t child = fork();
  if (child == 0) {
    T("setsid", setsid() == getpid());
    say("session", "%d %d", getsid(0) == getpid(), getpgrp() == getpid());
    T("again", setsid());
    T("join the parent's group", setpgid(0, own));
    T("tty", open("/dev/tty", O_RDWR));
    _exit(0);
  }
  tell_child("child", child);
  child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  T("child's group", setpgid(child, child));
  T("wait for the group", waitpid(-child, NULL, WNOHANG));
  T("kill the group", kill(-child, SIGTERM));
  tell_child("child", child);
  T("wait for a group", waitpid(0, NULL, 0));
  T("getsid of nobody", getsid(4194304));
  T("session of the parent", getsid(getppid()) == getsid(0));
}

static int orphan_pipe[2];
static int makes_an_orphan(void) {
  pid_t parent = getpid();
  if (fork() == 0) {
    while (getppid() == parent) {
      moment();
    }
    char adopted = getppid() != parent ? 'y' : 'n';
    _exit(write(orphan_pipe[1], &adopted, 1) != 1);
  }
  return 0;
}

static void orphans(void) {
  T("pipe", pipe(orphan_pipe));
  in_child("parent", makes_an_orphan);
  char adopted = 0;
  T("read", (long)read(orphan_pipe[0], &adopted, 1));
  say("adopted", "%c", adopted);
  T("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
  in_child("parent", makes_an_orphan);
  T("read", (long)read(orphan_pipe[0], &adopted, 1));
  T("reaped here", waitpid(-1, NULL, 0) > 0);
}

static int parent_pipe[2];
static int parent_dies(void) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(parent_pipe[0]);
    (void)!write(parent_pipe[1], "x", 1);
    pause();
    _exit(0);
  }
  close(parent_pipe[1]);
  (void)!read(parent_pipe[0], (char[1]){0}, 1);
  return 0;
}

static void death_signal(void) {
  T("pipe", pipe(parent_pipe));
  in_child("parent", parent_dies);
  close(parent_pipe[1]);
  T("the child dies too", (long)read(parent_pipe[0], (char[1]){0}, 1));
}

// ---- What clones and threads share

static char stack[2][65536] __attribute__((aligned(16)));

static int moves(void*) {
  umask(077);
  return chdir("d") == 0 ? 0 : 1;
}

static void clone_fs(void) {
  populate();
  T("before", open("x", O_RDONLY));
  pid_t child = clone(moves, stack[0] + sizeof stack[0], CLONE_FS | SIGCHLD, NULL);
  tell_child("moved", child);
  T("shared directory", close(open("x", O_RDONLY)));
  T("made", mkdir("made", 0777));
  tell_path("shared umask", "made");
  T("back", chdir(".."));
  umask(022);
  child = fork();
  if (child == 0) {
    _exit(moves(NULL));
  }
  tell_child("moved alone", child);
  T("own directory", open("x", O_RDONLY));
  T("made", mkdir("made2", 0777));
  tell_path("own umask", "made2");
}

static int gate_fd[2], back_fd[2];
static int moves_back_and_forth(void*) {
  for (int i = 0; i < 20; ++i) {
    char byte;
    if (read(gate_fd[0], &byte, 1) != 1 || chdir(i % 2 ? ".." : "d") != 0 ||
        umask(i % 2 ? 022 : 077) > 0777 || write(back_fd[1], "x", 1) != 1) {
      return 1;
    }
  }
  return 0;
}

static void clone_fs_again(void) {
  populate();
  put("x", "outside", 0644);
  T("pipes", pipe(gate_fd) || pipe(back_fd));
  pid_t child = clone(moves_back_and_forth, stack[0] + sizeof stack[0], CLONE_FS | SIGCHLD, NULL);
  char seen[21] = "", modes[21] = "";
  for (int i = 0; i < 20; ++i) {
    if (write(gate_fd[1], "x", 1) != 1 || read(back_fd[0], (char[1]){0}, 1) != 1) {
      break;
    }
    char text[2] = "?";
    int fd = open("x", O_RDONLY);
    seen[i] = read(fd, text, 1) == 1 ? text[0] : '?';
    close(fd);
    struct stat status = {0};
    const char* name = named("m%d", i);
    mkdir(name, 0777);
    stat(name, &status);
    modes[i] = (status.st_mode & 077) == 0 ? '-' : 'r';
  }
  say("seen", "%s", seen);
  say("modes", "%s", modes);
  tell_child("child", child);
}

static int opens_here(void*) {
  return open("made-there", O_CREAT | O_WRONLY, 0644) < 0 ? errno : 0;
}

static void clone_files(void) {
  T("before", open("f", O_CREAT | O_WRONLY, 0644));
  pid_t child = clone(opens_here, stack[0] + sizeof stack[0], CLONE_FILES | SIGCHLD, NULL);
  tell_child("opened", child);
  T("the number is ours too", (long)write(4, "x", 1));
  child = clone(opens_here, stack[0] + sizeof stack[0], CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
  tell_child("as vfork", child);
  T("not ours", (long)write(5, "x", 1));
  child = clone(opens_here, stack[0] + sizeof stack[0], CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
  tell_child("memory and files", child);
  T("ours", (long)write(5, "x", 1));
  struct clone_args arguments = {.flags = CLONE_PARENT_SETTID, .exit_signal = SIGCHLD};
  long made = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (made == 0) {
    _exit(4);
  }
  tell_child("clone3", (pid_t)made);
  T("clone3 of size 0", (long)syscall(SYS_clone3, &arguments, 0));
  T("clone bad flags", (long)syscall(SYS_clone, CLONE_SIGHAND, NULL));
}

static void* thread_moves(void*) {
  umask(07);
  return (void*)(long)chdir("d");
}
static void* thread_unshares(void*) {
  long result = unshare(CLONE_FS);
  chdir("d");
  umask(0777);
  T("open in the thread", close(open("x", O_RDONLY)));
  T("mkdir in the thread", mkdir("thread", 0777));
  tell_path("thread", "thread");
  return (void*)result;
}
static void* thread_opens(void*) { return (void*)(long)open("x", O_RDONLY); }

static void threads_fs(void) {
  populate();
  pthread_t thread;
  void* result;
  pthread_create(&thread, NULL, thread_unshares, NULL);
  pthread_join(thread, &result);
  say("unshared", "%ld", (long)result);
  T("we stay", open("x", O_RDONLY));
  T("mkdir", mkdir("ours", 0777));
  tell_path("ours", "ours");
  pthread_create(&thread, NULL, thread_moves, NULL);
  pthread_join(thread, &result);
  T("we moved", close(open("x", O_RDONLY)));
  T("mkdir", mkdir("made", 0777));
  tell_path("made", "made");
  pthread_create(&thread, NULL, thread_opens, NULL);
  pthread_join(thread, &result);
  say("the next thread", "%d", (long)result >= 0);
}

static void threads_fs_again(void) {
  populate();
  put("x", "outside", 0644);
  char seen[11] = "";
  for (int i = 0; i < 10; ++i) {
    pthread_t thread;
    void* result;
    pthread_create(&thread, NULL, (i % 2) ? thread_opens : thread_moves, NULL);
    pthread_join(thread, &result);
    char text[2] = "?";
    int fd = open("x", O_RDONLY);
    seen[i] = read(fd, text, 1) == 1 ? text[0] : '?';
    if (i % 2) {
      T("back", chdir(".."));
    }
  }
  say("seen", "%s", seen);
}

static void vforks(void) {
  populate();
  pid_t child = vfork();
  if (child == 0) {
    _exit(chdir("d") == 0 && open("x", O_RDONLY) >= 0 ? 8 : 9);
  }
  tell_child("child", child);
  T("our directory", open("x", O_RDONLY));
  T("our number", open("f", O_RDONLY));
  child = vfork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "exit 5", (char*)NULL);
    _exit(9);
  }
  tell_child("executed", child);
  child = vfork();
  if (child == 0) {
    execl("./f", "f", (char*)NULL);
    _exit(errno == EACCES ? 10 : 11);
  }
  tell_child("not executed", child);
}

static void* goes_on(void*) {
  until_asleep(getpid());
  T("open", close(open("late", O_CREAT | O_WRONLY, 0644)));
  T("relative", mkdir("late-d", 0755));
  _exit(3);
}

// A thread goes on with its calls after the main thread has ended.
static void main_thread_ends(void) {
  pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, goes_on, NULL);
    syscall(SYS_exit, 0);
  }
  tell_child("child", child);
}

// ---- Limits, priorities, names

static int forks_over(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_NPROC, &none);
  pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  return child < 0 ? errno : (waitpid(child, NULL, 0), 0);
}
static int allocates_over(void) {
  struct rlimit some = {64 << 20, 64 << 20};
  setrlimit(RLIMIT_AS, &some);
  return mmap(NULL, 256 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno
                                                                                            : 0;
}
static int burns(void) {
  struct rlimit second = {1, 1};
  setrlimit(RLIMIT_CPU, &second);
  for (volatile unsigned long i = 0; i < 100000000000UL; ++i) {
  }
  return 0;
}
static int opens_with_little_memory(void) {
  struct rlimit some = {16 << 20, 16 << 20};
  setrlimit(RLIMIT_AS, &some);
  return open("small", O_CREAT | O_WRONLY, 0644) < 0 ? errno : 0;
}

static void limits(void) {
  struct rlimit both;
  for (int resource = 0; resource < 16; ++resource) {
    T(named("get %d", resource), getrlimit((__rlimit_resource_t)resource, &both));
  }
  T("get 16", (long)syscall(SYS_getrlimit, 16, &both));
  getrlimit(RLIMIT_NOFILE, &both);
  say("descriptors", "%lu %lu", (unsigned long)both.rlim_cur, (unsigned long)both.rlim_max);
  getrlimit(RLIMIT_STACK, &both);
  say("stack", "%lu %lu", (unsigned long)both.rlim_cur, (unsigned long)both.rlim_max);
  T("soft above hard", setrlimit(RLIMIT_CORE, &(struct rlimit){2, 1}));
  T("prlimit itself", prlimit(getpid(), RLIMIT_CORE, NULL, &both));
  T("prlimit of nobody", prlimit(4194304, RLIMIT_CORE, NULL, &both));
  if (getuid() != 0) {
    T("raise a hard limit", setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) ||
                                setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1}));
    in_child("processes", forks_over);
  }
  in_child("memory", allocates_over);
  in_child("little memory", opens_with_little_memory);
  in_child("processor", burns);
}

static void priorities(void) {
  T("nice", nice(5));
  T("get", getpriority(PRIO_PROCESS, 0));
  T("set", setpriority(PRIO_PROCESS, 0, 10));
  if (getuid() != 0) {
    T("lower", setpriority(PRIO_PROCESS, 0, 1));
    T("real time", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}));
  }
  T("batch", sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}));
  T("get scheduler", sched_getscheduler(0));
  T("group of nobody", getpriority(PRIO_PGRP, 4194304));
  T("ioprio", (long)syscall(SYS_ioprio_get, 1, 0));
  T("set ioprio", (long)syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4));
  cpu_set_t set;
  T("affinity", sched_getaffinity(0, sizeof set, &set));
  T("empty affinity", ({
      CPU_ZERO(&set);
      sched_setaffinity(0, sizeof set, &set);
    }));
  T("yield", sched_yield());
}

static void controls(void) {
  char name[20] = "";
  T("set name", prctl(PR_SET_NAME, "a long name of a thread"));
  T("get name", prctl(PR_GET_NAME, name));
  say("name", "%s", name);
  T("dumpable", prctl(PR_GET_DUMPABLE));
  T("set dumpable", prctl(PR_SET_DUMPABLE, 1));
  T("set dumpable 2", prctl(PR_SET_DUMPABLE, 2));
  T("keep capabilities", prctl(PR_GET_KEEPCAPS));
  T("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  T("timer slack", prctl(PR_SET_TIMERSLACK, 1000));
  T("unknown", prctl(99999));
  T("tsc", prctl(PR_GET_TSC, &(int){0}));
  T("thp", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  T("seccomp", prctl(PR_GET_SECCOMP));
  T("filter of its own", (long)syscall(SYS_seccomp, 2, 0, &(unsigned){0x7fff0000}));
  T("membarrier", (long)syscall(SYS_membarrier, 0, 0, 0) > 0);
  T("rseq", (long)syscall(SYS_rseq, NULL, 0, 0, 0));
  T("getcpu", (long)syscall(SYS_getcpu, &(unsigned){0}, NULL, NULL));
  T("random", (long)syscall(SYS_getrandom, (char[8]){0}, 8, 0));
  T("personality", (long)syscall(SYS_personality, 0xffffffff));
  T("ioperm", (long)syscall(SYS_ioperm, 0, 1, 0) < 0 ? 1 : 0);
  T("sysinfo", (long)syscall(SYS_sysinfo, (char[200]){0}));
  struct utsname machine;
  T("uname", uname(&machine));
  say("system", "%s %s", machine.sysname, machine.machine);
}

static void identities(void) {
  int root = getuid() == 0;
  T("setuid itself", setuid(getuid()));
  T("setgid itself", setgid(getgid()));
  T("setresuid", setresuid(-1, getuid(), -1));
  T("setfsuid", setfsuid(getuid()) == (int)getuid());
  T("getgroups", getgroups(0, NULL) >= 0);
  if (!root) {
    T("setuid 0", setuid(0));
    T("setgid 0", setgid(0));
    T("setgroups", setgroups(0, NULL));
    T("setreuid", setreuid(0, -1));
  }
  T("chroot", root ? 0 : chroot("."));
  T("capget", (long)syscall(SYS_capget, &(uint32_t[2]){0x20080522, 0}, (uint32_t[6]){0}));
  T("ptrace", (long)syscall(SYS_ptrace, 16, 4194304, 0, 0));
}

static int becomes_daemon(void) {
  if (setresgid(1, 1, 1) != 0 || setresuid(1, 1, 1) != 0) {
    return errno;
  }
  return open("closed", O_RDONLY) < 0 ? 100 + errno : 0;
}

static void other_users(void) {
  put("closed", "x", 0600);
  in_child("daemon", becomes_daemon);
}

static int acts_as_daemon(void) {
  // The calls are made with the rights of the file system's user.
  setfsgid(1);
  setfsuid(1);
  int fd = open("closed", O_RDONLY);
  return fd < 0 ? errno : 0;
}
static void filesystem_user(void) {
  put("closed", "x", 0600);
  if (getuid() == 0) {
    in_child("daemon", acts_as_daemon);
  }
  say("done", "1");
}

static const Case kCases[] = {
#define C(name) {#name, name}
    C(waiting),          C(groups),         C(orphans),    C(death_signal),     C(clone_fs),
    C(clone_fs_again),   C(clone_files),    C(threads_fs), C(threads_fs_again), C(vforks),
    C(main_thread_ends), C(limits),         C(priorities), C(controls),         C(identities),
    C(other_users),      C(filesystem_user)};
GROUP(kProcesses, "processes", kCases);
