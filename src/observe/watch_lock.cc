#include "observe/watch_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace aegis::observe {
namespace {

using base::Errc;
using base::Fail;
using base::Result;

constexpr std::size_t kMaxSize = 4096;

std::string LockPath(const std::string& state_dir) { return state_dir + "/watch.lock"; }

// Field 22 of /proc/PID/stat; the name in field 2 may hold anything, a bracket too.
std::optional<std::uint64_t> StartOf(pid_t pid) {
  const auto text = base::ReadFile("/proc/" + std::to_string(pid) + "/stat");
  if (!text) {
    return std::nullopt;
  }
  constexpr int kFieldsBetween = 19;
  std::istringstream fields(text->substr(text->rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < kFieldsBetween; ++i) {
    fields >> skipped;
  }
  std::uint64_t start = 0;
  return fields >> start ? std::optional(start) : std::nullopt;
}

std::optional<WatchHolder> Parse(const std::string& text) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("pid") || !parsed["pid"].is_number_integer() ||
      !parsed.contains("started") || !parsed["started"].is_number_unsigned() ||
      !parsed.contains("session_id") || !parsed["session_id"].is_string()) {
    return std::nullopt;
  }
  return WatchHolder{.pid = parsed["pid"].get<pid_t>(),
                     .started = parsed["started"].get<std::uint64_t>(),
                     .session_id = parsed["session_id"].get<std::string>()};
}

// Checked behind the pidfd: a process that has both the number and the start is the one that wrote
// them, and was there before the pidfd was opened.
std::optional<RunningWatch> Verify(WatchHolder holder) {
  if (holder.pid <= 0) {
    return std::nullopt;
  }
  base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, holder.pid, 0U)));
  if (!pidfd.valid() || StartOf(holder.pid) != holder.started) {
    return std::nullopt;
  }
  return RunningWatch{.holder = std::move(holder), .pidfd = std::move(pidfd)};
}

std::optional<RunningWatch> ReadHolder(const std::string& state_dir) {
  const auto text = base::ReadFile(LockPath(state_dir), kMaxSize);
  const auto holder = text ? Parse(*text) : std::nullopt;
  return holder ? Verify(*holder) : std::nullopt;
}

}  // namespace

Result<WatchLock> WatchLock::Take(const std::string& state_dir) {
  constexpr int kAttempts = 50;
  constexpr timespec kPause{0, 10'000'000};
  AEGIS_ASSIGN(base::UniqueFd fd,
               base::Open(LockPath(state_dir), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  for (int attempt = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK) {
      return base::FailErrno("lock " + base::EscapeName(LockPath(state_dir)));
    }
    // Who only looks at the lock has it for an instant.
    const auto holder = ReadHolder(state_dir);
    if (holder || attempt == kAttempts) {
      const std::string who =
          holder ? "process " + std::to_string(holder->holder.pid) : "another process";
      return Fail(Errc::kConflict, who +
                                       " watches under this configuration already (to end it: "
                                       "aegis watch --stop)");
    }
    ::nanosleep(&kPause, nullptr);
  }
  if (::ftruncate(fd.get(), 0) != 0) {
    return base::FailErrno("empty " + base::EscapeName(LockPath(state_dir)));
  }
  return WatchLock(std::move(fd));
}

Result<> WatchLock::Announce(const std::string& session_id) const {
  const auto started = StartOf(::getpid());
  if (!started) {
    return Fail(Errc::kUnavailable, "read when this process began in /proc");
  }
  const nlohmann::json text = {
      {"pid", ::getpid()}, {"started", *started}, {"session_id", session_id}};
  return base::WriteAll(fd_.get(), text.dump() + "\n");
}

Result<std::optional<RunningWatch>> FindWatch(const std::string& state_dir) {
  auto fd = base::Open(LockPath(state_dir), O_RDONLY | O_NOFOLLOW);
  if (!fd) {
    if (fd.error().code() == Errc::kNotFound) {
      return std::nullopt;
    }
    return Fail(std::move(fd).error());
  }
  if (::flock(fd->get(), LOCK_SH | LOCK_NB) == 0) {
    return std::nullopt;
  }
  if (errno != EWOULDBLOCK) {
    return base::FailErrno("look at the lock " + base::EscapeName(LockPath(state_dir)));
  }
  auto running = ReadHolder(state_dir);
  if (!running) {
    return Fail(Errc::kUnavailable,
                "a watch under this configuration is just beginning or ending; try again");
  }
  return running;
}

}  // namespace aegis::observe
