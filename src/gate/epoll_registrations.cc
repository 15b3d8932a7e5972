#include "gate/epoll_registrations.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/roots.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

// An epoll instance is made after its announcement, by a thread that nothing keeps from taking its
// time.
constexpr std::chrono::milliseconds kMadeWithin(100);
constexpr std::size_t kMaxInfo = std::size_t{16} << 20U;
constexpr std::size_t kMostKnown = 1024;
constexpr std::size_t kMostEpolls = 64;  // of a process; an agent must not make one call long

std::string ReadInfo(const Roots& roots, pid_t pid, int number) {
  const std::string path = std::to_string(pid) + "/fdinfo/" + std::to_string(number);
  const base::UniqueFd fd(::openat(roots.host_proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16384> piece;
  ssize_t got = 0;
  while (fd.valid() && text.size() < kMaxInfo &&
         (got = ::read(fd.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

struct InfoLine {
  int number = -1;
  std::uint32_t events = 0;
  std::uint64_t data = 0;
  std::uint64_t inode = 0;
};

// "tfd:        5 events:       19 data: 55d0…  pos:0 ino:61af sdev:7"
std::optional<InfoLine> ParseInfoLine(const std::string& line) {
  InfoLine info;
  const int read = std::sscanf(line.c_str(),
                               "tfd: %d events: %" SCNx32 " data: %" SCNx64 " pos:%*s ino:%" SCNx64,
                               &info.number, &info.events, &info.data, &info.inode);
  return read == 4 ? std::optional(info) : std::nullopt;
}

// Whether the thread's descriptor `number` is registered under this number; true where the kernel
// can't tell (no kcmp).
bool MayBeRegistered(pid_t tid, int epoll, int number) {
  kcmp_epoll_slot slot{};
  slot.efd = static_cast<std::uint32_t>(epoll);
  slot.tfd = static_cast<std::uint32_t>(number);
  const long order = ::syscall(SYS_kcmp, tid, tid, KCMP_EPOLL_TFD, number, &slot);
  return order == 0 || (order < 0 && errno != ENOENT && errno != EBADF && errno != EINVAL);
}

std::vector<int> ReadEpolls(const Roots& roots, pid_t tid) {
  const std::string directory = std::to_string(tid) + "/fd";
  const int fd =
      ::openat(roots.host_proc.get(), directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  std::vector<int> epolls;
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    std::array<char, 32> target{};
    const ssize_t length = ::readlinkat(fd, entry->d_name, target.data(), target.size());
    int number = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const std::string_view kind(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (error == std::errc() && kind == "anon_inode:[eventpoll]") {
      epolls.push_back(number);
    }
  }
  return epolls;
}

// A copy of another table's descriptor, under a number that is not `taken`.
base::UniqueFd TakeBeside(int pidfd, int fd, int taken) {
  base::UniqueFd copy(sandbox::uapi::PidfdGetfd(pidfd, fd));
  return copy.get() != taken ? std::move(copy)
                             : base::UniqueFd(::fcntl(copy.get(), F_DUPFD_CLOEXEC, taken + 1));
}

// Does `change` to the registration of a copy of `file` under `number`.
void Change(const base::UniqueFd& epoll, int pidfd, int file, int number, int change,
            epoll_event& event) {
  const base::UniqueFd copy = TakeBeside(pidfd, file, number);
  if (copy.valid() && ::dup3(copy.get(), number, O_CLOEXEC) == number) {
    (void)::epoll_ctl(epoll.get(), change, number, &event);
    ::close(number);
  }
}

void Register(int pidfd, const EpollRegistration& registration, int number, int replaced,
              int socket) {
  const base::UniqueFd epoll = TakeBeside(pidfd, registration.epoll.get(), number);
  if (!epoll.valid()) {
    return;
  }
  epoll_event event{};
  event.events = registration.events;
  event.data.u64 = registration.data;
  Change(epoll, pidfd, replaced, number, EPOLL_CTL_DEL, event);
  Change(epoll, pidfd, socket, number, EPOLL_CTL_ADD, event);
}

}  // namespace

const std::vector<int>& EpollRegistrations::EpollsOf(const Process& process) {
  if (known_.size() > kMostKnown) {
    known_.clear();
  }
  const Clock::time_point now = Clock::now();
  const auto [entry, is_new] = known_.try_emplace(process.tgid);
  Known& known = entry->second;
  constexpr std::chrono::seconds kKept(10);  // ids come back
  if (is_new || known.read_at < announced_at_ + kMadeWithin || now - known.read_at > kKept) {
    known = {.epolls = ReadEpolls(roots_, process.tid), .read_at = now};
    known.epolls.resize(std::min(known.epolls.size(), kMostEpolls));
  }
  return known.epolls;
}

std::vector<EpollRegistration> EpollRegistrations::Find(Process& process, ProcessTable& processes,
                                                        int number, ino_t inode) {
  std::vector<EpollRegistration> found;
  for (const int epoll : EpollsOf(process)) {
    if (!MayBeRegistered(process.tid, epoll, number)) {
      continue;
    }
    std::istringstream lines(ReadInfo(roots_, process.tid, epoll));
    for (std::string line; std::getline(lines, line);) {
      const auto info = ParseInfoLine(line);
      if (!info || info->number != number || info->inode != inode) {
        continue;
      }
      if (base::UniqueFd shared = processes.Descriptor(process, epoll); shared.valid()) {
        found.push_back({std::move(shared), info->events, info->data});
      }
      break;
    }
  }
  return found;
}

void EpollRegistrations::Restore(const std::vector<EpollRegistration>& registrations, int number,
                                 const Sockets& sockets) {
  if (registrations.empty()) {
    return;
  }
  const std::lock_guard one(callers_);
  std::unique_lock lock(mutex_);
  if (!has_worker_) {
    try {
      std::thread(&EpollRegistrations::Work, this, sandbox::uapi::PidfdOpen(::getpid(), 0))
          .detach();
      has_worker_ = true;
    } catch (const std::system_error&) {
      return;  // as without it: the program is not told of events
    }
  }
  job_ = {&registrations, number, sockets.replaced.get(), sockets.now.get()};
  changed_.notify_all();
  changed_.wait(lock, [this] { return job_.registrations == nullptr; });
}

// The thread's life. Its table of descriptors holds nothing but the process' own pidfd, by which it
// reaches the others'.
void EpollRegistrations::Work(int own_pidfd) {
  const bool apart = ::unshare(CLONE_FILES) == 0;
  base::UniqueFd pidfd(own_pidfd);
  if (apart) {
    (void)sandbox::uapi::CloseRange(static_cast<unsigned>(own_pidfd) + 1, ~0U, 0);
    (void)sandbox::uapi::CloseRange(0, static_cast<unsigned>(own_pidfd) - 1, 0);
  }
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return job_.registrations != nullptr; });
    if (apart && pidfd.get() == job_.number) {
      pidfd.Reset(::fcntl(pidfd.get(), F_DUPFD_CLOEXEC, job_.number + 1));
    }
    for (const EpollRegistration& registration : *job_.registrations) {
      if (apart) {
        Register(pidfd.get(), registration, job_.number, job_.replaced, job_.socket);
      }
    }
    job_ = {};
    changed_.notify_all();
  }
}

}  // namespace aegis::gate
