#include "gate/process_status.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
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

int Number(std::string_view text, int base) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The innermost of a list of ids, one for each pid namespace (proc(5), NSpid).
pid_t Innermost(std::string_view ids) {
  const std::size_t tab = ids.rfind('\t');
  return Number(tab == std::string_view::npos ? ids : ids.substr(tab + 1), 10);
}

}  // namespace

std::optional<ProcessStatus> ReadProcessStatus(const Roots& roots, pid_t tid) {
  const std::string path = std::to_string(tid) + "/status";
  const base::UniqueFd fd(::openat(roots.host_proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, kStatusRoom> text;
  const ssize_t length = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (length <= 0) {
    return std::nullopt;
  }
  const std::string_view lines(text.data(), static_cast<std::size_t>(length));
  ProcessStatus status;
  status.umask = static_cast<mode_t>(Number(Field(lines, "\nUmask:"), 8));
  status.tgid = Number(Field(lines, "\nTgid:"), 10);
  status.parent = Number(Field(lines, "\nPPid:"), 10);
  status.inside_tgid = Innermost(Field(lines, "\nNStgid:"));
  status.inside_tid = Innermost(Field(lines, "\nNSpid:"));
  return status.tgid == 0 ? std::nullopt : std::optional(status);
}

}  // namespace aegis::gate
