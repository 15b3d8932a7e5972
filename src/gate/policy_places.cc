#include "gate/policy_places.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"

namespace aegis::gate {

namespace {

std::optional<struct stat> Status(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? std::optional(status) : std::nullopt;
}

std::vector<std::string> PoliciesIn(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    if (IsPolicyName(entries->path().filename().string())) {
      files.push_back(entries->path().string());
    }
  }
  std::ranges::sort(files);
  return files;
}

// A file under a second name can be written where no rule about the first one holds.
base::Result<> RequireOwnName(const std::string& file, const struct stat& status) {
  const auto refuse = [&file](std::string_view why) {
    return base::Fail(base::Errc::kInvalid, base::EscapeName(file) + ": " + std::string(why));
  };
  if (S_ISLNK(status.st_mode)) {
    return refuse("a policy file that is a link is not followed");
  }
  if (!S_ISREG(status.st_mode)) {
    return refuse("not a regular file");
  }
  if (status.st_nlink > 1) {
    return refuse("a policy file with a second name (hard link) is not followed");
  }
  return {};
}

void AppendState(const std::string& path, const std::optional<struct stat>& status,
                 std::string& state) {
  state += path;
  if (status) {
    const auto append = [&state](auto number) { state.append(" ").append(std::to_string(number)); };
    append(status->st_dev);
    append(status->st_ino);
    append(status->st_mode);
    // Of a directory its files count: in that of a ledger others come and go.
    if (!S_ISDIR(status->st_mode)) {
      append(status->st_nlink);
      append(status->st_size);
      append(status->st_mtim.tv_sec);
      append(status->st_mtim.tv_nsec);
      append(status->st_ctim.tv_sec);
      append(status->st_ctim.tv_nsec);
    }
  }
  state += '\n';
}

}  // namespace

bool IsPolicyName(std::string_view name) {
  return name.ends_with(".cedar") && !name.starts_with('.');
}

base::Result<> RequireOwnNames(const std::vector<std::string>& places) {
  for (const std::string& place : places) {
    AEGIS_ASSIGN(const std::string canonical, base::CanonicalPath(place));
    if (canonical != place) {
      return base::Fail(
          base::Errc::kInvalid,
          base::EscapeName(place) + ": a link leads to it now, which is not followed");
    }
    const auto status = Status(place);
    if (!status) {
      return base::FailErrno("read policy " + base::EscapeName(place));
    }
    if (!S_ISDIR(status->st_mode)) {
      AEGIS_TRY(RequireOwnName(place, *status));
      continue;
    }
    for (const std::string& file : PoliciesIn(place)) {
      if (const auto of_file = Status(file)) {  // nothing if it went meanwhile: that is an edit
        AEGIS_TRY(RequireOwnName(file, *of_file));
      }
    }
  }
  return {};
}

std::string StateOfPlaces(const std::vector<std::string>& places) {
  std::string state;
  for (const std::string& place : places) {
    const auto status = Status(place);
    AppendState(place, status, state);
    if (status && S_ISDIR(status->st_mode)) {
      for (const std::string& file : PoliciesIn(place)) {
        AppendState(file, Status(file), state);
      }
    }
  }
  return state;
}

}  // namespace aegis::gate
