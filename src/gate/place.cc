#include "gate/place.h"

#include <linux/limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

bool Place::Enter(std::uint64_t id, int fd) {
  if (id == id_) {
    return true;
  }
  if (::fchdir(fd) != 0) {
    return false;
  }
  id_ = id;
  return true;
}

bool Place::EnterOwnFds() { return Enter(0, roots_.own_fds.get()); }

bool Place::IsNamed(const Process& process) {
  if (!process.cwd.valid() || !Enter(process.cwd_id, process.cwd.get())) {
    return false;
  }
  // libc's getcwd(3) searches the parents where the kernel has no answer; that is no proof.
  std::array<char, PATH_MAX> name;
  const long size = ::syscall(SYS_getcwd, name.data(), name.size());
  return size > 0 &&
         std::string_view(name.data(), static_cast<std::size_t>(size) - 1) == process.cwd_name;
}

}  // namespace aegis::gate
