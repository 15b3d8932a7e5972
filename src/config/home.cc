#include "config/home.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "config/environment.h"
#include "config/name.h"
#include "config/nearest.h"

namespace aegis::config {
namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr std::size_t kActiveLimit = 4096;

std::string Parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// The canonical form of a path whose last components may be missing; those must be plain names.
base::Result<std::string> CanonicalAsFarAsItExists(const std::string& path) {
  std::string existing = path;
  std::string missing;
  struct stat info{};
  while (::lstat(existing.c_str(), &info) != 0) {
    if (errno != ENOENT) {
      return base::FailErrno("open " + base::EscapeName(existing));
    }
    const std::size_t slash = existing.rfind('/');
    const std::string component = existing.substr(slash + 1);
    if (component == "..") {
      return base::Fail(base::Errc::kInvalid,
                        base::EscapeName(path) + ": .. below a directory that does not exist");
    }
    if (!component.empty() && component != ".") {
      missing.insert(0, "/" + component);
    }
    existing = Parent(existing);
  }
  auto canonical = base::CanonicalPath(existing);
  if (canonical && !missing.empty()) {
    canonical = canonical->size() == 1 ? missing : *canonical + missing;  // size 1: "/"
  }
  return canonical;
}

base::Result<std::string> Absolute(std::string_view path) {
  if (path.starts_with('/')) {
    return std::string(path);
  }
  AEGIS_ASSIGN(std::string here, base::CanonicalPath("."));
  return here + "/" + std::string(path);
}

// A directory that others can write without the sticky bit lets them swap what lies in it. Behind a
// symlink not even the sticky bit is enough: the link may point at what somebody else made there.
base::Result<> CheckAncestors(const std::string& path, bool behind_link) {
  bool sticky_suffices = !behind_link;
  for (std::string directory = Parent(path);; directory = Parent(directory)) {
    struct stat info{};
    if (::stat(directory.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0 &&
        !(sticky_suffices && (info.st_mode & S_ISVTX) != 0)) {
      return base::Fail(base::Errc::kDenied, base::EscapeName(path) +
                                                 ": unsafe, everybody may write in " +
                                                 base::EscapeName(directory));
    }
    if (directory == "/") {
      return {};
    }
    sticky_suffices = true;
  }
}

// A directory of the caller's own, which nobody else may change.
base::Result<> CheckOwnDirectory(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return base::FailErrno("open " + base::EscapeName(path));
  }
  const std::string shown = base::EscapeName(path);
  if (!S_ISDIR(info.st_mode)) {
    return base::Fail(base::Errc::kInvalid, shown + ": not a directory");
  }
  if (info.st_uid != ::geteuid()) {
    return base::Fail(base::Errc::kDenied, shown + ": unsafe, it belongs to another user (uid " +
                                               std::to_string(info.st_uid) + ")");
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return base::Fail(base::Errc::kDenied,
                      shown + ": unsafe, others may write in it (try: chmod go-w " + shown + ")");
  }
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) != 0) {
    return base::FailErrno("open " + shown);
  }
  return {};
}

base::Result<std::string> ChosenPath(std::span<const std::string> environment) {
  for (const std::string_view variable : {"AEGIS_HOME", "AEGIS_DIR"}) {
    const auto value = FindVariable(environment, variable);
    if (value && !value->empty()) {
      return Absolute(*value);
    }
  }
  AEGIS_ASSIGN(std::string home, UserHome(environment));
  return home + "/.aegis";
}

}  // namespace

base::Result<std::string> UserHome(std::span<const std::string> environment) {
  std::string home(FindVariable(environment, "HOME").value_or(""));
  if (!home.starts_with('/')) {
    // HOME unset or relative: the password database is what a login would have used.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): single-threaded start of a command.
    const passwd* entry = ::getpwuid(::geteuid());
    if (entry == nullptr || entry->pw_dir == nullptr || *entry->pw_dir != '/') {
      return base::Fail(base::Errc::kNotFound, "no home directory: set HOME or AEGIS_HOME");
    }
    home = entry->pw_dir;
  }
  return CanonicalAsFarAsItExists(home);
}

base::Result<Home> Home::Locate(std::span<const std::string> environment) {
  AEGIS_ASSIGN(std::string raw, ChosenPath(environment));
  while (raw.size() > 1 && raw.ends_with('/')) {
    raw.pop_back();
  }
  auto canonical = CanonicalAsFarAsItExists(raw);
  if (!canonical) {
    return base::Fail(std::move(canonical).error().Within("AEGIS_HOME"));
  }
  struct stat info{};
  const bool exists = ::lstat(raw.c_str(), &info) == 0;
  const bool link = exists && S_ISLNK(info.st_mode);
  auto safe = CheckAncestors(*canonical, link);
  if (safe && exists) {
    safe = CheckOwnDirectory(*canonical);
  }
  if (!safe) {
    return base::Fail(std::move(safe).error().Within("AEGIS_HOME"));
  }
  return Home(std::move(*canonical));
}

base::Result<> Home::Ensure() const { return base::MakeDirectories(path_, kPrivateDirectory); }

std::string Home::StateDir(std::string_view name) const { return path_ + "/" + std::string(name); }

bool Home::Has(std::string_view name) const {
  struct stat info{};
  return CheckName(name).has_value() && ::lstat(StateDir(name).c_str(), &info) == 0;
}

base::Result<> Home::CheckState(std::string_view name) const {
  AEGIS_TRY(CheckName(name));
  if (!Has(name)) {
    const std::vector<std::string> names = Names().value_or(std::vector<std::string>{});
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string_view nearest = Nearest(name, views);
    return base::Fail(
        base::Errc::kNotFound,
        "no configuration \"" + std::string(name) + "\"" +
            (nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?") +
            " (make it with: aegis init " + std::string(name) + ")");
  }
  return CheckOwnDirectory(StateDir(name));
}

base::Result<std::vector<std::string>> Home::Names() const {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, decltype([](DIR* stream) { ::closedir(stream); })> stream(
      ::opendir(path_.c_str()));
  if (!stream) {
    if (errno == ENOENT) {
      return names;
    }
    return base::FailErrno("list " + base::EscapeName(path_));
  }
  errno = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own.
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name(static_cast<const char*>(entry->d_name));
    struct stat info{};
    if (CheckName(name).has_value() &&
        ::lstat((StateDir(name) + "/aegis.toml").c_str(), &info) == 0) {
      names.emplace_back(name);
    }
    errno = 0;
  }
  if (errno != 0) {
    return base::FailErrno("list " + base::EscapeName(path_));
  }
  std::ranges::sort(names);
  return names;
}

base::Result<std::optional<std::string>> Home::Active() const {
  const std::string file = path_ + "/current";
  auto text = base::ReadFile(file, kActiveLimit);
  if (!text) {
    if (text.error().code() == base::Errc::kNotFound) {
      return std::nullopt;
    }
    return base::Fail(std::move(text).error());
  }
  while (text->ends_with('\n')) {
    text->pop_back();
  }
  if (auto valid = CheckName(*text); !valid) {
    return base::Fail(std::move(valid).error().Within(base::EscapeName(file)));
  }
  return std::move(*text);
}

base::Result<> Home::SetActive(std::string_view name) const {
  AEGIS_TRY(CheckState(name));
  return base::WriteFileAtomic(path_ + "/current", std::string(name) + "\n", 0600);
}

}  // namespace aegis::config
