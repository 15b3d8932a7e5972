#include "gate/process_status.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "gate/roots.h"

namespace aegis::gate {

namespace {

// The supplementary groups stand before the ids that are read: room for two thousand of them.
constexpr std::size_t kStatusRoom = std::size_t{16} * 1024;

// The text after `key` up to the end of its line in /proc/<pid>/status; empty if it is missing.
std::string_view Field(std::string_view status, std::string_view key) {
  const std::size_t at = status.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  std::string_view rest = status.substr(at + key.size());
  rest = rest.substr(0, rest.find('\n'));
  const std::size_t start = rest.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : rest.substr(start);
}

template <typename Value = int>
Value Number(std::string_view text, int base) {
  Value value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The innermost of a list of ids, one for each pid namespace (proc(5), NSpid).
pid_t Innermost(std::string_view ids) {
  const std::size_t tab = ids.rfind('\t');
  return Number(tab == std::string_view::npos ? ids : ids.substr(tab + 1), 10);
}

using StatusRoom = std::array<char, kStatusRoom>;

// Empty when the thread is gone.
std::string_view ReadLines(const Roots& roots, pid_t tid, StatusRoom& room) {
  const std::string path = std::to_string(tid) + "/status";
  const base::UniqueFd fd(::openat(roots.host_proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t length = fd.valid() ? ::read(fd.get(), room.data(), room.size()) : -1;
  return {room.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

// What does nothing where no handler is set (signal(7)).
constexpr std::uint64_t Bit(int signal) { return std::uint64_t{1} << (signal - 1); }
constexpr std::uint64_t kIgnoredByDefault =
    Bit(SIGCHLD) | Bit(SIGURG) | Bit(SIGWINCH) | Bit(SIGCONT);

}  // namespace

std::optional<ProcessStatus> ReadProcessStatus(const Roots& roots, pid_t tid) {
  StatusRoom room;
  const std::string_view lines = ReadLines(roots, tid, room);
  ProcessStatus status;
  status.umask = static_cast<mode_t>(Number(Field(lines, "\nUmask:"), 8));
  status.tgid = Number(Field(lines, "\nTgid:"), 10);
  status.parent = Number(Field(lines, "\nPPid:"), 10);
  status.inside_tgid = Innermost(Field(lines, "\nNStgid:"));
  status.inside_tid = Innermost(Field(lines, "\nNSpid:"));
  return status.tgid == 0 ? std::nullopt : std::optional(status);
}

// A traced process has signals pending that it ignores, until its tracer has heard of them.
std::uint64_t SignalStatus::Interrupting(std::uint64_t pending) const {
  return pending & ~blocked & ~ignored & (caught | ~kIgnoredByDefault);
}

std::optional<SignalStatus> ReadSignalStatus(const Roots& roots, pid_t tid) {
  StatusRoom room;
  const std::string_view lines = ReadLines(roots, tid, room);
  if (lines.empty()) {
    return std::nullopt;
  }
  const auto set = [lines](std::string_view key) {
    return Number<std::uint64_t>(Field(lines, key), 16);
  };
  SignalStatus status;
  status.own = set("\nSigPnd:");
  status.shared = set("\nShdPnd:");
  status.blocked = set("\nSigBlk:");
  status.ignored = set("\nSigIgn:");
  status.caught = set("\nSigCgt:");
  status.threads = Number(Field(lines, "\nThreads:"), 10);
  status.process = Number(Field(lines, "\nTgid:"), 10);
  return status;
}

}  // namespace aegis::gate
