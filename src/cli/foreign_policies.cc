#include "cli/foreign_policies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

constexpr std::size_t kFileLimit = std::size_t{1} << 20U;
constexpr std::size_t kMostFiles = 1024;

base::Result<std::string> ReadAll(int fd, const std::string& shown) {
  constexpr std::size_t kChunk = std::size_t{64} << 10U;
  std::string text;
  for (;;) {
    const std::size_t used = text.size();
    text.resize(used + kChunk);
    const ssize_t got = ::read(fd, text.data() + used, kChunk);
    if (got < 0 && errno != EINTR) {
      return base::FailErrno("read " + shown);
    }
    text.resize(used + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) {
      return text;
    }
    if (text.size() > kFileLimit) {
      return base::Fail(base::Errc::kExhausted,
                        "read " + shown + ": larger than " + std::to_string(kFileLimit) + " bytes");
    }
  }
}

// Reads a regular file; `flags` may forbid that its name is a link.
base::Result<std::string> ReadRegular(const std::string& path, int flags) {
  // O_NONBLOCK: a FIFO must not hold us up before fstat sees it.
  AEGIS_ASSIGN(const base::UniqueFd fd, base::Open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags));
  const std::string shown = base::EscapeName(path);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return base::FailErrno("read " + shown);
  }
  if (!S_ISREG(info.st_mode)) {
    return base::Fail(base::Errc::kInvalid, "read " + shown + ": not a regular file");
  }
  return ReadAll(fd.get(), shown);
}

base::Result<std::vector<std::string>> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    if (config::CheckPolicyFileName(name)) {
      names.push_back(std::move(name));
    }
    if (names.size() > kMostFiles) {
      return base::Fail(base::Errc::kExhausted, "more than 1024 policy files");
    }
  }
  if (error) {
    return base::Fail(base::Error::FromErrno("list " + base::EscapeName(directory), error.value()));
  }
  if (names.empty()) {
    return base::Fail(base::Errc::kNotFound,
                      base::EscapeName(directory) + ": no policy (*.cedar) here");
  }
  std::ranges::sort(names);
  return names;
}

base::Result<ForeignPolicies> ReadDirectory(const std::string& directory) {
  AEGIS_ASSIGN(const auto names, NamesIn(directory));
  ForeignPolicies policies;
  for (const std::string& name : names) {
    std::string path = directory;
    path.append("/").append(name);
    auto text = ReadRegular(path, O_NOFOLLOW);
    if (!text && text.error().sys_errno() == ELOOP) {
      return base::Fail(base::Errc::kInvalid,
                        "read " + base::EscapeName(path) + ": a link, which may lead anywhere");
    }
    if (!text) {
      return base::Fail(std::move(text).error());
    }
    policies.files.push_back({.name = name, .text = std::move(*text)});
    policies.origins.push_back(base::EscapeName(path));
  }
  return policies;
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

base::Result<ForeignPolicies> ReadForeignPolicies(const std::string& path,
                                                  const std::optional<std::string>& name) {
  struct stat info{};
  const bool standard_input = path == "-";
  if (!standard_input && ::stat(path.c_str(), &info) != 0) {
    return base::FailErrno("read policy " + base::EscapeName(path));
  }
  if (!standard_input && S_ISDIR(info.st_mode)) {
    if (name) {
      return base::Fail(base::Errc::kInvalid,
                        "--name names one file, and " + base::EscapeName(path) + " is a directory");
    }
    return ReadDirectory(path);
  }
  if (standard_input && !name) {
    return base::Fail(base::Errc::kInvalid, "standard input needs a name: --name own.cedar");
  }
  config::NewPolicyFile file{.name = name.value_or(BaseName(path)), .text = {}};
  AEGIS_TRY(config::CheckPolicyFileName(file.name));
  const std::string origin = standard_input ? "standard input" : base::EscapeName(path);
  AEGIS_ASSIGN(file.text, standard_input ? ReadAll(STDIN_FILENO, origin) : ReadRegular(path, 0));
  return ForeignPolicies{.files = {std::move(file)}, .origins = {origin}};
}

}  // namespace aegis::cli
