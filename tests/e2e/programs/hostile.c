// hostile HOW HOME STATE OUTSIDE VICTIM PORT ABSTRACT: tries to get out, one attempt after another, each
// in a process of its own, and prints "name: ok", "name: ERRNO" or "name: SIGNAL" for each. It runs in
// HOME/project. HOW is `native` (what would harm the machine is left out) or `inside`. An attempt that
// is "ok" has got what it was after: content, a change, or a connection.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *home, *state, *outside, *abstract;
static pid_t victim;
static int port;

// Attempts return 0 or an errno. What follows turns results of the C library into that.
static int Of(long result) { return result == -1 ? errno : 0; }

static const char* Name(const char* format, ...) {
  static char names[4][4096];
  static int next;
  char* name = names[next++ % 4];
  va_list list;
  va_start(list, format);
  vsnprintf(name, sizeof names[0], format, list);
  va_end(list);
  return name;
}

static const char* Secret(void) { return Name("%s/.ssh/key", home); }
static const char* Ledger(void) { return Name("%s/default/audit.db", state); }
static const char* Canary(void) { return Name("%s/canary", outside); }

// Content is what counts: a descriptor that gives none is no success.
static int Content(int fd) {
  char byte;
  if (fd < 0) return errno;
  return read(fd, &byte, 1) == 1 ? 0 : EBADF;
}
static int Read(const char* name) { return Content(open(name, O_RDONLY)); }
static int Append(int fd) { return fd < 0 ? errno : Of(write(fd, "x", 1)); }
static int OpenToWrite(const char* name) { return Of(open(name, O_WRONLY)); }

// ---- Secrets, by many names

static int ReadAbsolute(void) { return Read(Secret()); }
static int ReadRelative(void) { return Read("../.ssh/key"); }
static int ReadDots(void) { return Read(".//../project/./.././.ssh//key"); }
static int ReadSelfRoot(void) { return Read(Name("/proc/self/root%s", Secret())); }
static int ReadInitRoot(void) { return Read(Name("/proc/1/root%s", Secret())); }
static int ReadParentRoot(void) { return Read(Name("/proc/%d/root%s", getppid(), Secret())); }
static int ReadParentCwd(void) { return Read(Name("/proc/%d/cwd/../.ssh/key", getppid())); }
static int ReadVictimRoot(void) { return Read(Name("/proc/%d/root%s", victim, Secret())); }

static int ReadSymlink(void) {
  unlink("link");
  return symlink("../.ssh/key", "link") != 0 ? errno : Read("link");
}
static int ReadSymlinkOfDirectory(void) {
  unlink("links");
  return symlink(home, "links") != 0 ? errno : Read("links/.ssh/key");
}
static int ReadHardLink(void) {
  unlink("hard");
  return link(Secret(), "hard") != 0 ? errno : Read("hard");
}
static int ReadHardLinkOfDescriptor(void) {
  const int fd = open(Secret(), O_PATH);
  unlink("hard");
  if (fd < 0) return errno;
  if (linkat(AT_FDCWD, Name("/proc/self/fd/%d", fd), AT_FDCWD, "hard", AT_SYMLINK_FOLLOW) != 0) return errno;
  return Read("hard");
}
static int ReadThroughDescriptor(void) {
  const int fd = open(".", O_PATH | O_DIRECTORY);
  return Read(Name("/proc/self/fd/%d/../.ssh/key", fd));
}
static int ReadReopened(void) {
  const int fd = open(Secret(), O_PATH);
  return fd < 0 ? errno : Read(Name("/dev/fd/%d", fd));
}
static int ReadFromDirectory(void) {
  const int fd = open("..", O_PATH | O_DIRECTORY);
  return fd < 0 ? errno : Content(openat(fd, ".ssh/key", O_RDONLY));
}
static int ReadAfterChdir(void) { return chdir("../.ssh") != 0 ? errno : Read("key"); }

static int ReadOpenat2(void) {
  static const unsigned long ways[] = {0, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV,
                                       RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED};
  const int fd = open("..", O_PATH | O_DIRECTORY);
  int last = ENOENT;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
    struct open_how how = {.flags = O_RDONLY, .resolve = ways[i]};
    last = Content((int)syscall(SYS_openat2, fd, ".ssh/key", &how, sizeof how));
    if (last == 0) return 0;
  }
  return last;
}

static int ReadHandle(void) {
  struct {
    struct file_handle head;
    unsigned char bytes[128];
  } handle = {.head.handle_bytes = 128};
  int mount;
  if (name_to_handle_at(AT_FDCWD, Secret(), &handle.head, &mount, 0) != 0) return errno;
  const int root = open("/", O_RDONLY | O_DIRECTORY);
  return Content(open_by_handle_at(root, &handle.head, O_RDONLY));
}

// Swaps a file of ours with the secret; what was swapped is swapped back.
static int ExchangeSecret(void) {
  close(open("mine", O_WRONLY | O_CREAT, 0600));
  if (syscall(SYS_renameat2, AT_FDCWD, "mine", AT_FDCWD, Secret(), 2) != 0) return errno;
  return Of(syscall(SYS_renameat2, AT_FDCWD, "mine", AT_FDCWD, Secret(), 2));
}

static int ReadByProgram(void) {
  int ends[2];
  if (pipe(ends) != 0) return errno;
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    close(2);
    execl("/bin/cat", "cat", Secret(), NULL);
    _exit(1);
  }
  close(ends[1]);
  const int result = Content(ends[0]);
  waitpid(child, NULL, 0);
  return result;
}

static int ReadState(void) { return Read(Ledger()); }
static int ReadStateBySymlink(void) {
  unlink("ledger");
  return symlink(state, "ledger") != 0 ? errno : Read("ledger/default/audit.db");
}
static int ReadStateBySelfRoot(void) { return Read(Name("/proc/self/root%s", Ledger())); }
static int ReadStateByInitRoot(void) { return Read(Name("/proc/1/root%s", Ledger())); }
static int OpenStateToWrite(void) { return OpenToWrite(Ledger()); }
static int ReplaceState(void) {
  const char* moved = Name("%s.moved", state);
  return rename(state, moved) != 0 ? errno : Of(rename(moved, state));
}
static int ListState(void) {
  DIR* list = opendir(Name("%s/default", state));
  int found = 0;
  if (list == NULL) return errno;
  while (readdir(list) != NULL) ++found;
  return found > 2 ? 0 : ENOENT;
}

// ---- Changes outside of the project

static int WriteOutside(void) { return Append(open(Canary(), O_WRONLY | O_APPEND)); }
static int WriteReopened(void) {
  const int fd = open(Canary(), O_PATH);
  return fd < 0 ? errno : Append(open(Name("/proc/self/fd/%d", fd), O_WRONLY | O_APPEND));
}
static int WriteBySymlink(void) {
  unlink("out");
  return symlink(outside, "out") != 0 ? errno : Append(open("out/canary", O_WRONLY | O_APPEND));
}
static int CreateOutside(void) {
  return Append(open(Name("%s/created", outside), O_WRONLY | O_CREAT, 0600));
}
static int RenameOutside(void) {
  close(open("mine", O_WRONLY | O_CREAT, 0600));
  return Of(rename("mine", Name("%s/moved", outside)));
}
static int UnnamedOutside(void) { return Append(open(outside, O_TMPFILE | O_WRONLY, 0600)); }
static int TruncateOutside(void) { return Of(truncate(Canary(), 1)); }
static int ChmodOutside(void) { return Of(chmod(Canary(), 0666)); }
static int WriteStartup(void) { return Append(open("../.bashrc", O_WRONLY | O_APPEND)); }
static int UnlinkOutside(void) { return Of(unlink(Name("%s/doomed", outside))); }

// ---- Other processes

static int KillVictim(void) { return Of(kill(victim, SIGKILL)); }
static int PidfdVictim(void) { return Of(syscall(SYS_pidfd_open, victim, 0)); }
static int LimitVictim(void) {
  struct rlimit limit;
  return Of(prlimit(victim, RLIMIT_NOFILE, NULL, &limit));
}
static int TraceVictim(void) { return Of(ptrace(PTRACE_SEIZE, victim, NULL, NULL)); }
static int ReadVictimEnvironment(void) { return Read(Name("/proc/%d/environ", victim)); }
static int OpenMemoryOfVictim(void) {
  return Of(open(Name("/proc/%d/mem", victim), O_RDONLY));
}
// EFAULT: the kernel would have read, had there been something at the address.
static int ReadMemory(pid_t pid) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void*)1, 1};
  return process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT ? 0 : errno;
}
static int ReadMemoryOfVictim(void) { return ReadMemory(victim); }
static int ReadMemoryOfInit(void) { return ReadMemory(1); }
static int KillInit(void) { return Of(kill(1, SIGKILL)); }
static int SetnsInit(void) {
  const int fd = open("/proc/1/ns/mnt", O_RDONLY);
  return fd < 0 ? errno : Of(setns(fd, 0));
}

// Any process but init, the one that runs the attempts, and this one.
static int KillAnybody(void) {
  for (pid_t pid = 2; pid < 100000; ++pid) {
    if (pid == getpid() || pid == getppid() || kill(pid, SIGSTOP) != 0) continue;
    char name[32] = "gone";
    const int fd = open(Name("/proc/%d/stat", pid), O_RDONLY);
    if (fd >= 0) name[read(fd, name, sizeof name - 1)] = 0;
    fprintf(stderr, "KillAnybody: reached %d: %s\n", pid, name);
    return kill(pid, SIGKILL) == 0 ? 0 : errno;
  }
  return errno;
}
static int TraceAnybody(void) {
  for (pid_t pid = 1; pid < 100000; ++pid) {
    if (pid != getpid() && pid != getppid() && ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) return 0;
  }
  return errno;
}

// ---- Sockets

static int ConnectTcp(void) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? errno : Of(connect(fd, (struct sockaddr*)&to, sizeof to));
}
static int ConnectMapped(void) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr);
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  return fd < 0 ? errno : Of(connect(fd, (struct sockaddr*)&to, sizeof to));
}
static int ConnectUnix(const char* name, int is_abstract) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path + is_abstract, sizeof to.sun_path - 1, "%s", name);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const size_t size = offsetof(struct sockaddr_un, sun_path) + (size_t)is_abstract + strlen(name);
  return fd < 0 ? errno : Of(connect(fd, (struct sockaddr*)&to, (socklen_t)size));
}
static int ConnectDaemon(void) { return ConnectUnix("../docker.sock", 0); }
static int ConnectAbstract(void) { return ConnectUnix(abstract, 1); }
static int RawSocket(void) { return Of(socket(AF_INET, SOCK_RAW, 1)); }
static int PacketSocket(void) { return Of(socket(AF_PACKET, SOCK_RAW, 0)); }

// ---- The kernel

static int UnshareAndMount(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
  return Of(mount("none", "/tmp", "tmpfs", 0, NULL));
}
static int CloneUser(void) {
  const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return Of(child);
}
static int Mount(void) { return Of(mount("none", "/tmp", "tmpfs", 0, NULL)); }
static int Unmask(void) { return Of(umount2(state, MNT_DETACH)); }
static int BindRoot(void) { return Of(mount("/proc/1/root", "/tmp", NULL, MS_BIND, NULL)); }
static int FsOpen(void) { return Of(syscall(SYS_fsopen, "tmpfs", 0)); }
static int Chroot(void) { return Of(chroot(".")); }
static int DiskNode(void) {
  const int result = Of(mknod("disk", S_IFBLK | 0600, makedev(8, 0)));
  unlink("disk");
  return result;
}
static int KernelLog(void) { return Of(open("/dev/kmsg", O_RDONLY | O_NONBLOCK)); }
static int KernelMemory(void) { return Of(open("/proc/kcore", O_RDONLY)); }
static int CorePattern(void) { return OpenToWrite("/proc/sys/kernel/core_pattern"); }
static int CorePatternByInit(void) { return OpenToWrite("/proc/1/root/proc/sys/kernel/core_pattern"); }
static int Sysrq(void) { return OpenToWrite("/proc/sysrq-trigger"); }
static int ReleaseAgent(void) {
  const int first = OpenToWrite("/sys/fs/cgroup/release_agent");
  return first == 0 ? 0 : OpenToWrite("/sys/fs/cgroup/cgroup.procs");
}
static int Keyring(void) { return Of(syscall(SYS_keyctl, 0, -3, 0, 0, 0)); }
static int Bpf(void) {
  unsigned int map[32] = {2, 4, 4, 1};  // an array
  return Of(syscall(SYS_bpf, 0, map, sizeof map));
}
static int PerfEvent(void) {
  unsigned int clock[32] = {1, sizeof clock};  // PERF_TYPE_SOFTWARE
  return Of(syscall(SYS_perf_event_open, clock, 0, -1, -1, 0));
}
static int UserFault(void) { return Of(syscall(SYS_userfaultfd, 1)); }
static int IoUring(void) {
  unsigned int parameters[32] = {0};
  return Of(syscall(SYS_io_uring_setup, 4, parameters));
}
static int Become(void) { return Of(setresuid(12345, 12345, 12345)); }
static int NewPrivileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0; }
static int TypeIntoTerminal(void) {
  const int fd = open("/dev/tty", O_RDWR);
  return fd < 0 ? errno : Of(ioctl(fd, 0x5412 /* TIOCSTI */, "x"));
}
#ifdef __x86_64__
static int CallX32(void) { return Of(syscall(0x40000000 | 39)); }
static int Call32(void) {  // open(2) of another table: number 5
  char* low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return errno;
  strcpy(low, "../.ssh/key");
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(5L), "b"(low), "c"(0L), "d"(0L) : "memory");
  return result < 0 ? (int)-result : 0;
}
#endif

// ---- What must go on working

static int OwnFile(void) {
  const int fd = open("own", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (Append(fd) != 0) return errno;
  return Read("own");
}

struct Attempt {
  const char* name;
  int (*try)(void);
  int inside_only;  // it would harm the machine, or there is nothing to it outside
};

#define TRY(name) {#name, name, 0}
#define INSIDE(name) {#name, name, 1}
static const struct Attempt attempts[] = {
    TRY(OwnFile), TRY(ReadAbsolute), TRY(ReadRelative), TRY(ReadDots), TRY(ReadSelfRoot),
    TRY(ReadInitRoot), TRY(ReadParentRoot), TRY(ReadParentCwd), TRY(ReadVictimRoot), TRY(ReadSymlink),
    TRY(ReadSymlinkOfDirectory), TRY(ReadHardLink), TRY(ReadHardLinkOfDescriptor),
    TRY(ReadThroughDescriptor), TRY(ReadReopened), TRY(ReadFromDirectory), TRY(ReadAfterChdir),
    TRY(ReadOpenat2), TRY(ReadHandle), TRY(ExchangeSecret), TRY(ReadByProgram), TRY(ReadState),
    TRY(ReadStateBySymlink), TRY(ReadStateBySelfRoot), TRY(ReadStateByInitRoot), TRY(OpenStateToWrite),
    TRY(ReplaceState), TRY(ListState), TRY(WriteOutside), TRY(WriteReopened), TRY(WriteBySymlink),
    TRY(CreateOutside), TRY(RenameOutside), TRY(UnnamedOutside), TRY(TruncateOutside), TRY(ChmodOutside),
    TRY(WriteStartup), TRY(UnlinkOutside), TRY(PidfdVictim), TRY(LimitVictim), TRY(TraceVictim),
    TRY(ReadVictimEnvironment), TRY(OpenMemoryOfVictim), TRY(ReadMemoryOfVictim), TRY(ReadMemoryOfInit),
    TRY(KillVictim), INSIDE(KillInit), INSIDE(SetnsInit), INSIDE(KillAnybody), INSIDE(TraceAnybody),
    TRY(ConnectTcp), TRY(ConnectMapped), TRY(ConnectDaemon), TRY(ConnectAbstract), TRY(RawSocket),
    TRY(PacketSocket), TRY(UnshareAndMount), TRY(CloneUser), INSIDE(Mount), INSIDE(Unmask),
    INSIDE(BindRoot), TRY(FsOpen), TRY(Chroot), TRY(DiskNode), TRY(KernelLog), TRY(KernelMemory),
    TRY(CorePattern), TRY(CorePatternByInit), TRY(Sysrq), TRY(ReleaseAgent), TRY(Keyring), TRY(Bpf),
    TRY(PerfEvent), TRY(UserFault), TRY(IoUring), TRY(Become), TRY(NewPrivileges),
    INSIDE(TypeIntoTerminal),
#ifdef __x86_64__
    INSIDE(CallX32), TRY(Call32),
#endif
};

static void Run(const struct Attempt* attempt) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(attempt->try());
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    printf("%s: SIG%s\n", attempt->name, sigabbrev_np(WTERMSIG(status)));
  } else {
    printf("%s: %s\n", attempt->name,
           WEXITSTATUS(status) == 0 ? "ok" : strerrorname_np(WEXITSTATUS(status)));
  }
}

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  const int native = strcmp(argv[1], "native") == 0;
  home = argv[2], state = argv[3], outside = argv[4];
  victim = atoi(argv[5]), port = atoi(argv[6]), abstract = argv[7];
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts; ++i) {
    if (!native || !attempts[i].inside_only) Run(&attempts[i]);
  }
  puts("end: ok");
  return 0;
}
