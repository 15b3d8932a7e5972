// A program that tries what it must not, one thing per run, and says on stdout how each attempt
// ended, as lines "what result". Static, so that it starts without opening anything.
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>  // strerrorname_np, sigabbrev_np
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

using Arguments = std::span<char* const>;

void Say(const std::string& what, const std::string& result) {
  (void)std::printf("%s %s\n", what.c_str(), result.c_str());
  (void)std::fflush(stdout);
}

void Report(const std::string& what, long result) {
  Say(what, result >= 0 ? "ok" : ::strerrorname_np(errno));
}

void Status(Arguments /*arguments*/) {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2] = {};
  ::syscall(SYS_capget, &header, data);
  Say("effective", std::to_string(data[0].effective | data[1].effective));
  Say("permitted", std::to_string(data[0].permitted | data[1].permitted));
  Say("inheritable", std::to_string(data[0].inheritable | data[1].inheritable));
  unsigned long bounding = 0;
  for (unsigned long cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap) {
    bounding |= ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 ? 1UL << cap : 0UL;
  }
  Say("bounding", std::to_string(bounding));
  Say("no_new_privs", std::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
  Say("seccomp", std::to_string(::prctl(PR_GET_SECCOMP, 0, 0, 0, 0)));
  Say("dumpable", std::to_string(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)));
}

void Ids(Arguments /*arguments*/) {
  Say("uid", std::to_string(::getuid()));
  Say("euid", std::to_string(::geteuid()));
  Say("gid", std::to_string(::getgid()));
  Say("pid", std::to_string(::getpid()));
  Say("ppid", std::to_string(::getppid()));
  char directory[4096] = {};
  Say("cwd", ::getcwd(directory, sizeof directory) == nullptr ? "?" : directory);
  const char* variable = std::getenv("AEGIS_TEST");
  Say("env", variable == nullptr ? "-" : variable);
}

void Descriptors(Arguments /*arguments*/) {
  std::string open;
  for (int fd = 0; fd < 4096; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) {
      open += (open.empty() ? "" : ",") + std::to_string(fd);
    }
  }
  Say("open", open);
}

void Stat(Arguments paths) {
  for (const char* path : paths) {
    struct stat st{};
    if (::lstat(path, &st) != 0) {
      Report(path, -1);
      continue;
    }
    const char* const kind = S_ISDIR(st.st_mode)   ? "directory"
                             : S_ISLNK(st.st_mode) ? "symlink"
                             : S_ISREG(st.st_mode) ? "file"
                                                   : "other";
    Say(path, std::string(kind) + (S_ISREG(st.st_mode) && st.st_size == 0 ? "-empty" : "") +
                  ((st.st_mode & 07777U) == 0 ? "-000" : ""));
  }
}

void ReadOnly(Arguments paths) {
  for (const char* path : paths) {
    struct statvfs st{};
    if (::statvfs(path, &st) != 0) {
      Report(path, -1);
      continue;
    }
    Say(path, (st.f_flag & ST_RDONLY) != 0 ? "read-only" : "writable");
  }
}

// Each argument is a directory in which everything is tried that would change or list it.
void Files(Arguments directories) {
  for (const char* path : directories) {
    const std::string directory(path);
    const std::string name = directory + "/made-by-hostile";
    Report("create", ::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    Report("list", ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Report("opath", ::open(path, O_PATH | O_CLOEXEC));
    Report("mkdir", ::mkdir((name + ".d").c_str(), 0700));
    Report("symlink", ::symlink("/etc", (name + ".l").c_str()));
    Report("mkfifo", ::mkfifo((name + ".f").c_str(), 0600));
    const std::string victim = directory + "/victim";
    Report("read", ::open(victim.c_str(), O_RDONLY | O_CLOEXEC));
    Report("write", ::open(victim.c_str(), O_WRONLY | O_CLOEXEC));
    Report("truncate", ::truncate(victim.c_str(), 0));
    Report("link", ::link(victim.c_str(), name.c_str()));
    Report("rename", ::rename(victim.c_str(), name.c_str()));
    Report("unlink", ::unlink(victim.c_str()));
  }
}

void ReadFiles(Arguments paths) {
  for (const char* path : paths) {
    Report(path, ::open(path, O_RDONLY | O_CLOEXEC));
  }
}

void Signals(Arguments /*arguments*/) {
  for (const int number : {SIGTERM, SIGKILL, SIGSTOP}) {
    Report("kill-init-" + std::to_string(number), ::kill(1, number));
  }
  Report("ptrace-init", ::ptrace(PTRACE_ATTACH, 1, 0, 0));
  Report("parent-memory", ::open("/proc/1/mem", O_RDWR | O_CLOEXEC));
  Report("pidfd_getfd", ::syscall(SYS_pidfd_getfd, ::syscall(SYS_pidfd_open, 1, 0), 0, 0));
  Say("alive", "yes");
}

// kill(0) reaches the whole process group, watchers outside included.
void Group(Arguments /*arguments*/) {
  (void)::signal(SIGTERM, SIG_IGN);
  Report("kill-group", ::kill(0, SIGTERM));
  Say("alive", "yes");
}

void Namespaces(Arguments /*arguments*/) {
  const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    ::_exit(0);
  }
  Report("clone-user", child);
  Report("unshare-user", ::unshare(CLONE_NEWUSER));
  Report("unshare-mount", ::unshare(CLONE_NEWNS));
  Report("mount", ::mount("none", "/proc", "tmpfs", 0, nullptr));
  Report("umount", ::umount2("/proc", MNT_DETACH));
  Report("chroot", ::chroot("/"));
  Report("clone3", ::syscall(435, nullptr, 0));
  Report("io_uring", ::syscall(425, 8, nullptr));
  Report("bpf", ::syscall(SYS_bpf, 0, nullptr, 0));
  Report("keyctl", ::syscall(SYS_keyctl, 0, -3, 0));
  Report("userfaultfd", ::syscall(SYS_userfaultfd, 0));
  Report("open_by_handle_at", ::syscall(SYS_open_by_handle_at, -100, nullptr, 0));
  Report("memfd", ::memfd_create("m", MFD_CLOEXEC));
}

// The wait status of a child that runs `attempt`.
template <typename Attempt>
std::string Fate(Attempt attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(attempt());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? std::string("SIG") + ::sigabbrev_np(WTERMSIG(status))
                             : "exit-" + std::to_string(WEXITSTATUS(status));
}

void OtherAbis(Arguments /*arguments*/) {
#ifdef __x86_64__
  Say("int80", Fate([] {
        long result = 20;  // getpid in the i386 table
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
        return result > 0 ? 1 : 2;
      }));
  Report("x32", ::syscall(0x40000000L | SYS_getpid));
#endif
  Report("unknown", ::syscall(9999));
}

void Terminal(Arguments /*arguments*/) {
  char byte = 'x';
  Report("tiocsti", ::ioctl(0, TIOCSTI, &byte));
  Report("tiocsti-high",
         ::syscall(SYS_ioctl, 0, static_cast<unsigned long>(TIOCSTI) | 0x100000000UL, &byte));
  Report("tioclinux", ::ioctl(0, TIOCLINUX, &byte));
}

void Network(Arguments abstract_names) {
  Report("packet", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  for (const char* name : abstract_names) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (void)std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name);
    const auto length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + ::strlen(name));
    Report("abstract", ::syscall(SYS_connect, fd, &address, length));
  }
}

void Wait(Arguments /*arguments*/) {
  Say("waiting", ::isatty(STDIN_FILENO) == 1 ? "on-terminal" : "on-nothing");
  (void)::poll(nullptr, 0, -1);
}

// Connects to TCP ports of 127.0.0.1.
void Tcp(Arguments ports) {
  for (const char* port : ports) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    address.sin_port = ::htons(static_cast<in_port_t>(std::atoi(port)));
    Report("tcp", ::syscall(SYS_connect, fd, &address, sizeof address));
  }
}

// Signals and looks at processes by their pids outside.
void Pids(Arguments pids) {
  for (const char* pid : pids) {
    Report("signal", ::kill(std::atoi(pid), 0));
    Report("proc", ::access((std::string("/proc/") + pid).c_str(), F_OK));
  }
}

// A descendant that left its session and its parent, and never ends.
void Daemon(Arguments /*arguments*/) {
  if (::fork() == 0) {
    (void)::setsid();
    if (::fork() == 0) {
      (void)::poll(nullptr, 0, -1);
    }
    ::_exit(0);
  }
  Say("daemon", "started");
  (void)::poll(nullptr, 0, -1);
}

void Exit(Arguments arguments) {
  Say("exiting", "now");
  if (std::string_view(arguments[0]) == "signal") {
    (void)::raise(SIGUSR1);
  }
  std::exit(std::atoi(arguments[0]));
}

void SignalState(Arguments /*arguments*/) {
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  Say("blocked-usr2", ::sigismember(&mask, SIGUSR2) == 1 ? "yes" : "no");
  Say("blocked-term", ::sigismember(&mask, SIGTERM) == 1 ? "yes" : "no");
  struct sigaction action{};
  ::sigaction(SIGUSR1, nullptr, &action);
  Say("ignored-usr1", action.sa_handler == SIG_IGN ? "yes" : "no");
  ::sigaction(SIGCHLD, nullptr, &action);
  Say("default-chld", action.sa_handler == SIG_DFL ? "yes" : "no");
}

void Stop(Arguments /*arguments*/) {
  (void)::raise(SIGSTOP);
  Say("continued", "yes");
}

struct Case {
  std::string_view name;
  void (*run)(Arguments);
};

constexpr Case kCases[] = {
    {"status", Status},
    {"ids", Ids},
    {"descriptors", Descriptors},
    {"stat", Stat},
    {"files", Files},
    {"read", ReadFiles},
    {"signals", Signals},
    {"group", Group},
    {"namespaces", Namespaces},
    {"abis", OtherAbis},
    {"terminal", Terminal},
    {"network", Network},
    {"readonly", ReadOnly},
    {"daemon", Daemon},
    {"tcp", Tcp},
    {"wait", Wait},
    {"pids", Pids},
    {"exit", Exit},
    {"signal-state", SignalState},
    {"stop", Stop},
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argv, static_cast<std::size_t>(argc));
  for (const Case& candidate : kCases) {
    if (argc > 1 && candidate.name == arguments[1]) {
      candidate.run(arguments.subspan(2));
      return 0;
    }
  }
  return 2;
}
