#include "gate/controlling_terminal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

namespace {

constexpr unsigned kTtyMajor = 5;
constexpr unsigned kTtyMinor = 0;
constexpr unsigned kPtsMajor = 136;  // unix98 slaves

// Field 7 of /proc/<pid>/stat (proc(5)): the device number of the controlling terminal, 0 if none.
unsigned TtyNumber(const Roots& roots, pid_t tid) {
  const std::string name = std::to_string(tid) + "/stat";
  const base::UniqueFd fd(::openat(roots.host_proc.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  const ssize_t length = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (length <= 0) {
    return 0;
  }
  std::string_view rest(text.data(), static_cast<std::size_t>(length));
  rest.remove_prefix(rest.rfind(')') + 1);  // the name may hold anything
  for (int skip = 0; skip < 5; ++skip) {    // state ppid pgrp session, and the first blank
    rest.remove_prefix(rest.find(' ') + 1);
  }
  int number = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return static_cast<unsigned>(number);
}

}  // namespace

bool IsTtyAlias(const struct stat& st) {
  return S_ISCHR(st.st_mode) && major(st.st_rdev) == kTtyMajor && minor(st.st_rdev) == kTtyMinor;
}

base::UniqueFd OpenControllingTerminal(const Roots& roots, const Process& process,
                                       std::uint64_t flags) {
  const int how = static_cast<int>(flags & ~std::uint64_t{O_CREAT | O_EXCL | O_DIRECTORY}) |
                  O_NOCTTY | O_CLOEXEC | O_NONBLOCK;
  const unsigned theirs = TtyNumber(roots, process.tid);
  if (theirs == 0) {
    errno = ENXIO;
    return {};
  }
  if (theirs == TtyNumber(roots, ::getpid())) {
    return base::UniqueFd(::openat(roots.host_root.get(), "dev/tty", how));
  }
  // A terminal that the agent made itself. The kernel packs the number as 12 bits major, 20 bits
  // minor.
  const unsigned number_major = (theirs >> 8U) & 0xfffU;
  const unsigned number_minor = (theirs & 0xffU) | ((theirs >> 12U) & 0xfff00U);
  if (number_major != kPtsMajor) {
    errno = ENXIO;
    return {};
  }
  const std::string slave = "/dev/pts/" + std::to_string(number_minor);
  return base::UniqueFd(::open(slave.c_str(), how));
}

}  // namespace aegis::gate
