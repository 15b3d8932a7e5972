#include "gate/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/unique_fd.h"
#include "gate/roots.h"

namespace aegis::gate {

bool ClosesOnExec(const Roots& roots, pid_t tid, int number) {
  const std::string path = std::to_string(tid) + "/fdinfo/" + std::to_string(number);
  const base::UniqueFd fd(::openat(roots.host_proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  const ssize_t length = fd.valid() ? ::read(fd.get(), text.data(), text.size() - 1) : -1;
  const char* const flags = length > 0 ? std::strstr(text.data(), "flags:") : nullptr;
  unsigned value = 0;
  return flags != nullptr && std::sscanf(flags, "flags: %o", &value) == 1 &&
         (value & static_cast<unsigned>(O_CLOEXEC)) != 0;
}

std::vector<int> NumbersOf(const Roots& roots, pid_t tid, int number) {
  constexpr int kMost = 256;
  constexpr std::size_t kMostNumbers = 16;
  std::vector<int> numbers = {number};
  const std::string directory = std::to_string(tid) + "/fd";
  const int fd =
      ::openat(roots.host_proc.get(), directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  int looked_at = 0;
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    int other = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), other);
    if (++looked_at > kMost || numbers.size() >= kMostNumbers) {
      break;
    }
    if (error == std::errc() && other != number &&
        ::syscall(SYS_kcmp, tid, tid, KCMP_FILE, number, other) == 0) {
      numbers.push_back(other);
    }
  }
  return numbers;
}

}  // namespace aegis::gate
