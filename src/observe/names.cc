#include "observe/names.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::observe {

base::Result<std::vector<std::string>> ListNames(int directory) {
  struct Closer {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  base::UniqueFd copy(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.valid() && errno == ENOENT) {
    return std::vector<std::string>();
  }
  const std::unique_ptr<DIR, Closer> stream(copy.valid() ? ::fdopendir(copy.get()) : nullptr);
  if (!stream) {
    return base::FailErrno("list it");
  }
  (void)copy.Release();  // the stream closes it
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry == nullptr) {
      break;
    }
    const std::string_view name(&entry->d_name[0]);
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  if (errno != 0 && errno != ENOENT) {
    return base::FailErrno("list it");
  }
  return names;
}

}  // namespace aegis::observe
