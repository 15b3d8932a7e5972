#include "config/staging.h"

#include <fcntl.h>
#include <stdio.h>   // renameat2
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "config/home.h"
#include "config/name.h"

namespace aegis::config {
namespace {

// Not every file system knows RENAME_NOREPLACE; a plain rename replaces nothing but an empty
// directory, and a configuration never is one.
int RenameWithoutReplacing(const std::string& from, const std::string& to) {
  const int result = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (result == 0 || (errno != EINVAL && errno != ENOSYS)) {
    return result;
  }
  return ::rename(from.c_str(), to.c_str());
}

base::Result<> SyncDirectory(const std::string& path) {
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) {
    return base::FailErrno("sync " + base::EscapeName(path));
  }
  return {};
}

}  // namespace

base::Result<Staging> Staging::Begin(const Home& home) {
  AEGIS_TRY(home.Ensure());
  std::string path = home.path() + "/.new-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return base::FailErrno("make a directory in " + base::EscapeName(home.path()));
  }
  return Staging(home, std::move(path));
}

Staging::~Staging() {
  if (!path_.empty()) {
    std::error_code ignored;  // a leftover has a name that nothing reads
    std::filesystem::remove_all(path_, ignored);
  }
}

base::Result<> Staging::Publish(std::string_view name) {
  AEGIS_TRY(CheckName(name));
  AEGIS_TRY(SyncDirectory(path_));
  const std::string target = home_.StateDir(name);
  if (RenameWithoutReplacing(path_, target) != 0) {
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) {
      return base::Fail(base::Errc::kExists,
                        "configuration \"" + std::string(name) + "\" exists already");
    }
    return base::FailErrno("make " + base::EscapeName(target));
  }
  path_.clear();
  return SyncDirectory(home_.path());
}

}  // namespace aegis::config
