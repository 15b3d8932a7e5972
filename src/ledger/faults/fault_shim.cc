// A library to be loaded before the C library (LD_PRELOAD): counts the storage calls that a process
// makes on the files of one directory, makes the n-th go wrong, and can write down what each does
// to the disk. It makes the calls itself, as system calls.
//
// One thread. Of files that are mapped shared (journals) it finds out what was stored to them by
// comparing their pages at each call.

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/faults/shim_log.h"

namespace aegis::ledger::faults {
namespace {

constexpr std::size_t kPage = 4096;

enum class Fault : std::uint8_t { kNone, kError, kShort, kKillBefore, kKillAfter };

struct Planned {
  const char* name;
  Fault fault;
  int error;       // for kError
  bool full_disk;  // every later call that needs space fails
};
constexpr std::array kPlans = {
    Planned{"eio", Fault::kError, EIO, false},
    Planned{"enospc", Fault::kError, ENOSPC, false},
    Planned{"full", Fault::kError, ENOSPC, true},
    Planned{"eintr", Fault::kError, EINTR, false},
    Planned{"short", Fault::kShort, 0, false},
    Planned{"short_full", Fault::kShort, 0, true},
    Planned{"kill_before", Fault::kKillBefore, 0, false},
    Planned{"kill_after", Fault::kKillAfter, 0, false},
};

// A system call's result as the C library gives it, and errno.
template <typename... Args>
long Call(long number, Args... args) {
  return ::syscall(number, args...);
}

// From the kernel: a sanitizer makes calls before the C library has an environment.
std::string Setting(const char* name) {
  std::string all(1, '\0');
  const auto fd =
      static_cast<int>(Call(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC, 0));
  std::array<char, 4096> piece{};
  for (long got = 1; got > 0;) {
    got = Call(SYS_read, fd, piece.data(), piece.size());
    all.append(piece.data(), static_cast<std::size_t>(std::max(got, 0L)));
  }
  (void)Call(SYS_close, fd);
  const std::string sought = std::string(1, '\0') + name + "=";
  const std::size_t at = all.find(sought);
  return at == std::string::npos ? std::string() : std::string(&all[at + sought.size()]);
}

int OpenSetting(const char* name) {
  const std::string path = Setting(name);
  return path.empty() ? -1
                      : static_cast<int>(Call(SYS_openat, AT_FDCWD, path.c_str(),
                                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

// The name by which the kernel knows an open file.
std::string NameOf(int fd) {
  std::array<char, PATH_MAX> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const long size = Call(SYS_readlinkat, AT_FDCWD, link.c_str(), name.data(), name.size());
  return size > 0 ? std::string(name.data(), static_cast<std::size_t>(size)) : std::string();
}

class Shim {
 public:
  Shim()
      : root_(Setting(kShimRoot) + "/"),
        calls_fd_(OpenSetting(kShimCalls)),
        log_fd_(OpenSetting(kShimLog)),
        acknowledge_fd_(std::atoi(Setting(kShimAcknowledge).c_str())),
        at_(std::atol(Setting(kShimAt).c_str())) {
    for (const Planned& plan : kPlans) {
      if (Setting(kShimFault) == plan.name) {
        plan_ = plan;
      }
    }
  }

  // The path below the root, empty for a file that is not there.
  std::string Below(std::string_view path) const {
    return root_.size() > 1 && path.starts_with(root_) && !path.ends_with(" (deleted)")
               ? std::string(path.substr(root_.size()))
               : std::string();
  }
  std::string BelowFd(int fd) const {
    const std::string name = NameOf(fd);
    return name + "/" == root_ ? "." : Below(name);
  }
  bool IsAcknowledge(int fd) const { return log_fd_ >= 0 && fd == acknowledge_fd_; }

  // Counts a call; what is to become of it. Does not return if it is to die now.
  Fault Begin(const char* name, const std::string& path, bool needs_space) {
    ++count_;
    const std::string line = std::string(name) + " " + path + "\n";
    if (calls_fd_ >= 0) {
      (void)Call(SYS_write, calls_fd_, line.data(), line.size());
    }
    if (count_ != at_) {
      return full_ && needs_space ? Fail(ENOSPC) : Fault::kNone;
    }
    full_ = plan_.full_disk;
    if (plan_.fault == Fault::kKillBefore) {
      Die();
    }
    return plan_.fault == Fault::kError ? Fail(plan_.error) : plan_.fault;
  }

  void End(Fault fault) {
    if (fault == Fault::kKillAfter) {
      Die();
    }
  }

  void Log(ShimRecord record, std::string_view path, std::string_view other = {},
           std::string_view bytes = {}) {
    if (log_fd_ < 0) {
      return;
    }
    record.path_size = static_cast<std::uint32_t>(path.size());
    record.other_size = static_cast<std::uint32_t>(other.size());
    record.bytes_size = static_cast<std::uint32_t>(bytes.size());
    std::string text(reinterpret_cast<const char*>(&record), sizeof(record));
    text.append(path).append(other).append(bytes);
    (void)Call(SYS_write, log_fd_, text.data(), text.size());
  }

  bool Tracks(int fd) const {
    return std::any_of(mapped_.begin(), mapped_.end(),
                       [&](const Mapped& file) { return file.inode == InodeOf(fd); });
  }
  void Track(int fd) {
    if (log_fd_ >= 0 && !Tracks(fd)) {
      const std::string link = "/proc/self/fd/" + std::to_string(fd);
      mapped_.push_back({.fd = static_cast<int>(
                             Call(SYS_openat, AT_FDCWD, link.c_str(), O_RDONLY | O_CLOEXEC, 0)),
                         .inode = InodeOf(fd),
                         .content = {}});
      LogMapped();
    }
  }

  // Writes down the pages of mapped files that have changed since it last looked.
  void LogMapped() {
    for (Mapped& file : mapped_) {
      const std::string path = BelowFd(file.fd);
      struct stat status{};
      if (path.empty() || fstat(file.fd, &status) != 0) {
        continue;
      }
      file.content.resize(static_cast<std::size_t>(status.st_size), '\0');
      std::array<char, kPage> page{};
      for (std::size_t at = 0; at < file.content.size(); at += kPage) {
        const std::size_t size = std::min(kPage, file.content.size() - at);
        (void)Call(SYS_pread64, file.fd, page.data(), size, at);
        if (std::memcmp(page.data(), &file.content[at], size) != 0) {
          std::memcpy(&file.content[at], page.data(), size);
          Log({.op = ShimOp::kWrite, .offset = at, .size = size}, path, {}, {page.data(), size});
        }
      }
    }
  }

 private:
  struct Mapped {
    int fd;
    ino_t inode;
    std::string content;
  };

  static ino_t InodeOf(int fd) {
    struct stat status{};
    return fd >= 0 && fstat(fd, &status) == 0 ? status.st_ino : 0;
  }
  static Fault Fail(int error) {
    errno = error;
    return Fault::kError;
  }
  [[noreturn]] static void Die() {
    (void)Call(SYS_kill, getpid(), SIGKILL);
    for (;;) {
      pause();
    }
  }

  std::string root_;
  int calls_fd_;
  int log_fd_;
  int acknowledge_fd_;
  long at_;
  long count_ = 0;
  bool full_ = false;
  Planned plan_{"", Fault::kNone, 0, false};
  std::vector<Mapped> mapped_;
};

Shim& TheShim() {
  static Shim* const kShim = new Shim;  // outlives every static of the process
  return *kShim;
}

// Runs `call` as one storage call on `path` (none of ours if that is empty), and writes down what
// it did if it succeeded.
template <typename F>
long Run(const char* name, const std::string& path, bool needs_space, ShimRecord record,
         const std::string& other, F&& call) {
  if (path.empty()) {
    return call();
  }
  Shim& shim = TheShim();
  const Fault fault = shim.Begin(name, path, needs_space);
  if (fault == Fault::kError) {
    return -1;
  }
  shim.LogMapped();
  const long result = call();
  const int error = errno;
  if (result >= 0) {
    shim.Log(record, path, other);
  }
  shim.End(fault);
  errno = error;
  return result;
}

template <typename F>
long RunUnlogged(const char* name, const std::string& path, F&& call) {
  if (path.empty()) {
    return call();
  }
  Shim& shim = TheShim();
  const Fault fault = shim.Begin(name, path, false);
  if (fault == Fault::kError) {
    return -1;
  }
  const long result = call();
  const int error = errno;
  shim.End(fault);
  errno = error;
  return result;
}

template <typename F>
long Write(const char* name, int fd, const void* bytes, std::size_t size, std::int64_t offset,
           F&& call) {
  Shim& shim = TheShim();
  if (shim.IsAcknowledge(fd)) {
    shim.LogMapped();
    shim.Log({.op = ShimOp::kAcknowledge}, {}, {}, {static_cast<const char*>(bytes), size});
    return call(size);
  }
  const std::string path = shim.BelowFd(fd);
  if (path.empty()) {
    return call(size);
  }
  const Fault fault = shim.Begin(name, path, true);
  if (fault == Fault::kError) {
    return -1;
  }
  shim.LogMapped();
  const long at = offset >= 0 ? offset : Call(SYS_lseek, fd, 0, SEEK_CUR);
  const long result = call(fault == Fault::kShort && size > 1 ? size / 2 : size);
  const int error = errno;
  if (shim.Tracks(fd)) {
    shim.LogMapped();  // whole pages: what is mapped reaches the disk no other way
  } else if (result >= 0) {
    const auto written = static_cast<std::size_t>(result);
    shim.Log({.op = ShimOp::kWrite, .offset = static_cast<std::uint64_t>(at), .size = written},
             path, {}, {static_cast<const char*>(bytes), written});
  }
  shim.End(fault);
  errno = error;
  return result;
}

int OpenAt(int directory, const char* path, int flags, mode_t mode) {
  const auto call = [&] { return Call(SYS_openat, directory, path, flags, mode); };
  Shim& shim = TheShim();
  const std::string below = shim.Below(path);
  const bool for_writing = (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
  if (below.empty() || !for_writing) {
    return static_cast<int>(call());
  }
  const bool creates = (flags & O_CREAT) != 0 && Call(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
  return static_cast<int>(creates ? Run("open", below, true, {.op = ShimOp::kCreate}, {}, call)
                                  : RunUnlogged("open", below, call));
}

// A temporary file, of a name that is the same in each run.
int MakeTemporary(char* name, int flags) {
  char* const digits = name + std::strlen(name) - 6;
  for (unsigned number = 0; number < 1000; ++number) {
    std::string text = std::to_string(number);
    text.insert(0, 6 - text.size(), '0');
    std::copy(text.begin(), text.end(), digits);
    const int fd = OpenAt(AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (fd >= 0 || errno != EEXIST) {
      return fd;
    }
  }
  return -1;
}

int Sync(const char* name, long number, int fd) {
  struct stat status{};
  (void)fstat(fd, &status);
  const ShimOp op = S_ISDIR(status.st_mode) ? ShimOp::kSyncNames : ShimOp::kSync;
  return static_cast<int>(
      Run(name, TheShim().BelowFd(fd), false, {.op = op}, {}, [&] { return Call(number, fd); }));
}

// Giving a lock up can't go wrong.
int Lock(int fd, int command, void* argument) {
  const auto call = [&] { return Call(SYS_fcntl, fd, command, argument); };
  const bool locks = (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
                      command == F_OFD_SETLKW) &&
                     static_cast<const struct flock*>(argument)->l_type != F_UNLCK;
  return static_cast<int>(locks ? RunUnlogged("fcntl", TheShim().BelowFd(fd), call) : call());
}

void* Map(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  const auto call = [&] { return Call(SYS_mmap, address, size, protection, flags, fd, offset); };
  Shim& shim = TheShim();
  const bool shared = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0 && fd >= 0;
  const std::string path = shared ? shim.BelowFd(fd) : std::string();
  const long result = RunUnlogged("mmap", path, call);
  if (result != -1 && !path.empty() && !path.ends_with("-shm")) {
    shim.Track(fd);
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a system call's result
  return reinterpret_cast<void*>(result);
}

}  // namespace
}  // namespace aegis::ledger::faults

// The C library's names.
namespace faults = aegis::ledger::faults;
using faults::ShimOp;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return faults::OpenAt(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return faults::OpenAt(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return faults::OpenAt(directory, path, flags, mode);
}

int mkostemp(char* name, int flags) { return faults::MakeTemporary(name, flags); }
int mkostemp64(char* name, int flags) { return faults::MakeTemporary(name, flags); }

ssize_t write(int fd, const void* bytes, size_t size) {
  return faults::Write("write", fd, bytes, size, -1,
                       [&](size_t some) { return faults::Call(SYS_write, fd, bytes, some); });
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return faults::Write("pwrite", fd, bytes, size, offset, [&](size_t some) {
    return faults::Call(SYS_pwrite64, fd, bytes, some, offset);
  });
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t offset) {
  return pwrite(fd, bytes, size, offset);
}

int fsync(int fd) { return faults::Sync("fsync", SYS_fsync, fd); }
int fdatasync(int fd) { return faults::Sync("fdatasync", SYS_fdatasync, fd); }

int ftruncate(int fd, off_t size) {
  return static_cast<int>(
      faults::Run("ftruncate", faults::TheShim().BelowFd(fd), false,
                  {.op = ShimOp::kTruncate, .size = static_cast<std::uint64_t>(size)}, {},
                  [&] { return faults::Call(SYS_ftruncate, fd, size); }));
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t offset, off_t size) {
  const bool punches = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
  return static_cast<int>(
      faults::Run("fallocate", faults::TheShim().BelowFd(fd), !punches,
                  {.op = punches ? ShimOp::kPunch : ShimOp::kAllocate,
                   .offset = static_cast<std::uint64_t>(offset),
                   .size = static_cast<std::uint64_t>(size)},
                  {}, [&] { return faults::Call(SYS_fallocate, fd, mode, offset, size); }));
}

int mkdir(const char* path, mode_t mode) {
  return static_cast<int>(
      faults::Run("mkdir", faults::TheShim().Below(path), true, {.op = ShimOp::kMkdir}, {},
                  [&] { return faults::Call(SYS_mkdirat, AT_FDCWD, path, mode); }));
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) {
  faults::Shim& shim = faults::TheShim();
  return static_cast<int>(faults::Run(
      "rename", shim.Below(from), false, {.op = ShimOp::kRename}, shim.Below(to),
      [&] { return faults::Call(SYS_renameat2, from_directory, from, to_directory, to, flags); }));
}

int rename(const char* from, const char* to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlink(const char* path) {
  return static_cast<int>(faults::Run("unlink", faults::TheShim().Below(path), false,
                                      {.op = ShimOp::kUnlink}, {},
                                      [&] { return faults::Call(SYS_unlink, path); }));
}

int flock(int fd, int operation) {
  return static_cast<int>(faults::RunUnlogged("flock", faults::TheShim().BelowFd(fd), [&] {
    return faults::Call(SYS_flock, fd, operation);
  }));
}

int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return faults::Lock(fd, command, argument);
}

int fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  return faults::Lock(fd, command, argument);
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  return faults::Map(address, size, protection, flags, fd, offset);
}

void* mmap64(void* address, size_t size, int protection, int flags, int fd, off64_t offset) {
  return faults::Map(address, size, protection, flags, fd, offset);
}

}  // extern "C"
