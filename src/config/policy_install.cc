#include "config/policy_install.h"

#include <fcntl.h>
#include <stdio.h>   // renameat2
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "config/configuration.h"

namespace aegis::config {
namespace {

constexpr mode_t kPrivateFile = 0600;
constexpr std::string_view kSuffix = ".cedar";

// A changed copy of a directory beside it; what lies there when it goes is removed.
class Copy {
 public:
  static base::Result<Copy> Of(const std::string& directory) {
    std::string path = directory + ".new-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      return base::FailErrno("make a directory beside " + base::EscapeName(directory));
    }
    Copy copy(path);
    std::error_code error;
    std::filesystem::copy(
        directory, path,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks,
        error);
    if (error) {
      return base::Fail(
          base::Error::FromErrno("copy " + base::EscapeName(directory), error.value()));
    }
    return copy;
  }

  Copy(Copy&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Copy& operator=(Copy&&) = delete;
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() {
    if (!path_.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(path_, ignored);
    }
  }

  const std::string& path() const { return path_; }

 private:
  explicit Copy(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

base::Result<> Write(const std::string& directory, const NewPolicyFile& file) {
  return base::WriteFileAtomic(directory + "/" + file.name, file.text, kPrivateFile);
}

}  // namespace

base::Result<> CheckPolicyFileName(std::string_view name) {
  if (name.size() <= kSuffix.size() || !name.ends_with(kSuffix) || name.starts_with('.') ||
      name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return base::Fail(base::Errc::kInvalid, "\"" + base::EscapeName(name) +
                                                "\" is no name of a policy file, like own.cedar");
  }
  return {};
}

base::Result<base::UniqueFd> LockPolicies(const Configuration& configuration) {
  AEGIS_ASSIGN(base::UniqueFd fd, base::Open(configuration.state_dir, O_RDONLY | O_DIRECTORY));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return base::FailErrno("lock " + base::EscapeName(configuration.state_dir));
    }
  }
  return fd;
}

base::Result<std::string> PolicyDirectory(const Configuration& configuration) {
  std::string directory = configuration.state_dir + "/policies";
  struct stat info{};
  if (::lstat(directory.c_str(), &info) != 0) {
    return base::FailErrno("open " + base::EscapeName(directory));
  }
  if (!S_ISDIR(info.st_mode)) {
    return base::Fail(base::Errc::kInvalid, base::EscapeName(directory) + ": not a directory");
  }
  if (std::ranges::find(configuration.policy_paths, directory) ==
      configuration.policy_paths.end()) {
    return base::Fail(base::Errc::kInvalid, base::EscapeName(configuration.file) +
                                                ": policy_paths has no \"policies\", into which "
                                                "policies are imported");
  }
  return directory;
}

std::vector<std::string> TakenNames(const std::string& directory,
                                    const std::vector<NewPolicyFile>& files) {
  std::vector<std::string> taken;
  for (const NewPolicyFile& file : files) {
    struct stat info{};
    if (::lstat((directory + "/" + file.name).c_str(), &info) == 0) {
      taken.push_back(file.name);
    }
  }
  return taken;
}

base::Result<> InstallPolicyFiles(const std::string& directory,
                                  const std::vector<NewPolicyFile>& files) {
  if (files.size() == 1) {
    return Write(directory, files.front());
  }
  AEGIS_ASSIGN(const Copy copy, Copy::Of(directory));
  for (const NewPolicyFile& file : files) {
    AEGIS_TRY(Write(copy.path(), file));
  }
  if (::renameat2(AT_FDCWD, copy.path().c_str(), AT_FDCWD, directory.c_str(), RENAME_EXCHANGE) !=
      0) {
    return base::FailErrno("replace " + base::EscapeName(directory));
  }
  return {};
}

}  // namespace aegis::config
