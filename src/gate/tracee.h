#pragma once

#include <linux/limits.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::gate {

// A value, or the errno that the agent's call gets.
template <typename T>
using SysResult = std::expected<T, int>;

inline std::unexpected<int> SysFail(int error) { return std::unexpected<int>(error); }

// The errno of a call that returned `result`, 0 if it succeeded.
inline int SysError(int result) { return result < 0 ? errno : 0; }

using PathBuffer = std::array<char, PATH_MAX>;

// Copies `size` bytes from the caller's memory: 0, or EFAULT/ESRCH/EPERM as an errno.
int ReadMemory(pid_t tid, std::uint64_t address, void* out, std::size_t size);

// Copies a NUL-terminated path into `buffer`. EFAULT, ENAMETOOLONG as the kernel's getname().
SysResult<std::string_view> ReadPath(pid_t tid, std::uint64_t address, PathBuffer& buffer);

// An argument vector (execve(2)), up to a bounded number and size. Bytes, not escaped.
struct Arguments {
  std::vector<std::string> texts;
  bool complete = true;  // otherwise some were left out or too long, and a text says so

  friend bool operator==(const Arguments&, const Arguments&) = default;
};

// Copies the arguments of a call.
Arguments ReadArguments(pid_t tid, std::uint64_t address);

// What /proc/<pid>/cmdline says, `text`: the arguments that a program was started with.
// `whole`: nothing of it was cut off.
Arguments SplitArguments(std::string_view text, bool whole);

// As many of them as are recorded.
std::vector<std::string> Shortened(std::vector<std::string> texts);

}  // namespace aegis::gate
