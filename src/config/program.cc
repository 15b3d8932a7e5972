#include "config/program.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"

namespace aegis::config {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

enum class Found { kNothing, kNotExecutable, kExecutable };

Found Probe(const std::string& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Found::kNothing : Found::kNotExecutable;
  }
  if (!S_ISREG(info.st_mode) || ::faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) != 0) {
    return Found::kNotExecutable;
  }
  return Found::kExecutable;
}

base::Result<std::string> Conclude(Found found, std::string file, std::string_view program) {
  switch (found) {
    case Found::kExecutable:
      return file;
    case Found::kNotExecutable:
      return base::Fail(base::Errc::kDenied, base::EscapeName(file) + ": not an executable file");
    case Found::kNothing:
      break;
  }
  return base::Fail(base::Errc::kNotFound, base::EscapeName(program) + ": command not found");
}

}  // namespace

base::Result<std::string> ResolveProgram(std::string_view program,
                                         std::optional<std::string_view> path) {
  if (program.empty() || program.find('\0') != std::string_view::npos) {
    return base::Fail(base::Errc::kNotFound, "\"\": command not found");
  }
  if (program.find('/') != std::string_view::npos) {
    std::string file(program);
    const Found found = Probe(file);
    return Conclude(found, std::move(file), program);
  }
  std::string_view rest = path.value_or(kDefaultPath);
  std::string refused;
  while (true) {
    const std::size_t colon = rest.find(':');
    // An empty element of PATH means the current directory.
    const std::string_view directory = rest.substr(0, colon);
    std::string file =
        std::string(directory.empty() ? "." : directory) + "/" + std::string(program);
    const Found found = Probe(file);
    if (found == Found::kExecutable) {
      return file;
    }
    if (found == Found::kNotExecutable && refused.empty()) {
      refused = std::move(file);
    }
    if (colon == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(colon + 1);
  }
  const Found found = refused.empty() ? Found::kNothing : Found::kNotExecutable;
  return Conclude(found, std::move(refused), program);
}

}  // namespace aegis::config
