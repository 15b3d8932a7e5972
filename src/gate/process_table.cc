#include "gate/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "base/unique_fd.h"
#include "gate/loader.h"
#include "gate/process_status.h"
#include "gate/roots.h"
#include "sandbox/uapi.h"

namespace aegis::gate {

namespace {

constexpr std::int64_t kLifetimeMs = 1000;
constexpr int kMaxHeld = 256;              // far below any usual limit of open files
constexpr unsigned kPidfdThread = O_EXCL;  // PIDFD_THREAD, Linux 6.9

std::int64_t NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

bool ShareDescriptors(pid_t one, pid_t other) {
  return ::syscall(SYS_kcmp, one, other, KCMP_FILES, 0UL, 0UL) == 0;
}

// Whether two threads have one working directory and umask. A kernel that can't tell (no kcmp) may
// have given them the same; a thread that is gone changes nothing more.
bool MayShareFileState(pid_t one, pid_t other) {
  const long order = ::syscall(SYS_kcmp, one, other, KCMP_FS, 0UL, 0UL);
  return order == 0 || (order < 0 && errno != ESRCH);
}

// How many descriptors of a directory "<tid>/fd" have numbers below `limit`: those above it stay
// open when the limit is lowered.
rlim_t CountBelow(int proc, const std::string& directory, rlim_t limit) {
  const int fd = ::openat(proc, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  rlim_t count = 0;
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    rlim_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    count += error == std::errc() && number < limit ? 1 : 0;
  }
  return count;
}

}  // namespace

Process* ProcessTable::Find(pid_t tid) {
  const std::int64_t now = NowMs();
  DropExpired(now);
  auto [entry, is_new] = processes_.try_emplace(tid);
  Process& process = entry->second;
  const bool is_fresh = is_new || now - process.read_at_ms > kLifetimeMs;
  if (is_fresh) {
    process = Process{};
    process.tid = tid;
    process.read_at_ms = now;
    if (!Read(process)) {
      processes_.erase(entry);
      return nullptr;
    }
  }
  Settle(process, is_fresh);
  return &process;
}

// A thread that makes a call has finished the one before: a change it announced is done.
void ProcessTable::Settle(Process& process, bool is_fresh) {
  changing_.erase(process.tid);
  if (process.file_state == file_state_) {
    return;
  }
  if (!is_fresh) {
    Read(process);
  }
  process.cwd.Reset();
  process.file_state = MayBeChanging(process) ? 0 : file_state_;
}

bool ProcessTable::MayBeChanging(const Process& process) const {
  return std::ranges::any_of(changing_, [&process](const auto& change) {
    return change.second == process.tgid || MayShareFileState(process.tid, change.first);
  });
}

// Before one more descriptor is kept. Those of other threads are only there to save time, and an
// agent may have more threads than the supervisor may have files.
void ProcessTable::MakeRoom(const Process& process) {
  if (++held_ <= kMaxHeld) {
    return;
  }
  for (auto& [tid, other] : processes_) {
    if (&other != &process) {
      other.cwd.Reset();
      other.pidfd.Reset();
    }
  }
  held_ = 1;
}

int ProcessTable::WorkingDirectory(Process& process) {
  if (!process.cwd.valid()) {
    MakeRoom(process);
    const std::string link = std::to_string(process.tid) + "/cwd";
    process.cwd.Reset(
        ::openat(roots_.host_proc.get(), link.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    process.cwd_name = process.cwd.valid() ? NameOf(roots_, process.cwd.get()) : std::string();
  }
  return process.cwd.get();
}

base::UniqueFd ProcessTable::Descriptor(Process& process, int fd) {
  if (fd < 0) {
    return {};
  }
  if (!process.pidfd.valid()) {
    MakeRoom(process);
    process.pidfd.Reset(sandbox::uapi::PidfdOpen(process.tid, kPidfdThread));
    if (!process.pidfd.valid() && process.tid == process.tgid) {
      process.pidfd.Reset(sandbox::uapi::PidfdOpen(process.tid, 0));
    }
  }
  if (process.pidfd.valid()) {
    return base::UniqueFd(sandbox::uapi::PidfdGetfd(process.pidfd.get(), fd));
  }
  // On Linux before 6.9 a pidfd is that of the process' first thread. Another one nearly always has
  // the same descriptors; it can't leave them while it waits here. If it has its own, only /proc
  // shows them.
  if (ShareDescriptors(process.tid, process.tgid)) {
    const base::UniqueFd first(sandbox::uapi::PidfdOpen(process.tgid, 0));
    return base::UniqueFd(sandbox::uapi::PidfdGetfd(first.get(), fd));
  }
  const std::string link = std::to_string(process.tid) + "/fd/" + std::to_string(fd);
  return base::UniqueFd(::openat(roots_.host_proc.get(), link.c_str(), O_PATH | O_CLOEXEC));
}

bool ProcessTable::HasFreeDescriptor(const Process& process) const {
  rlimit limit{};
  struct stat descriptors{};
  const std::string directory = std::to_string(process.tid) + "/fd";
  if (::prlimit(process.tid, RLIMIT_NOFILE, nullptr, &limit) != 0 ||
      ::fstatat(roots_.host_proc.get(), directory.c_str(), &descriptors, 0) != 0 ||
      static_cast<rlim_t>(descriptors.st_size) < limit.rlim_cur) {
    return true;
  }
  return CountBelow(roots_.host_proc.get(), directory, limit.rlim_cur) < limit.rlim_cur;
}

void ProcessTable::ImageChanged(pid_t tgid, pid_t caller) {
  processes_.erase(tgid);
  processes_.erase(caller);
}

void ProcessTable::FileStateChanging(const Process& process) {
  changing_.insert_or_assign(process.tid, process.tgid);
  ++file_state_;
}

bool ProcessTable::Read(Process& process) const {
  const auto status = ReadProcessStatus(roots_, process.tid);
  if (!status) {
    return false;
  }
  process.umask = status->umask;
  process.tgid = status->tgid;
  process.inside_tgid = status->inside_tgid;
  process.inside_tid = status->inside_tid;
  const std::string link = std::to_string(process.tid) + "/exe";
  std::array<char, PATH_MAX> exe;
  const ssize_t exe_length =
      ::readlinkat(roots_.host_proc.get(), link.c_str(), exe.data(), exe.size());
  process.exe.clear();
  if (exe_length > 0) {
    base::AppendEscapedName(process.exe, {exe.data(), static_cast<std::size_t>(exe_length)});
  }
  process.is_loader = IsLoader(process.exe);
  return true;
}

void ProcessTable::DropExpired(std::int64_t now_ms) {
  if (now_ms - swept_ms_ <= kLifetimeMs) {
    return;
  }
  swept_ms_ = now_ms;
  // NOLINTNEXTLINE(misc-include-cleaner): <unordered_map> has it
  std::erase_if(processes_, [now_ms](const auto& entry) {
    return now_ms - entry.second.read_at_ms > kLifetimeMs;
  });
  // One that has made no call for so long has long made its change.
  // NOLINTNEXTLINE(misc-include-cleaner): <unordered_map> has it
  std::erase_if(changing_,
                [this](const auto& change) { return !processes_.contains(change.first); });
}

}  // namespace aegis::gate
