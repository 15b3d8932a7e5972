#include "config/configuration.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "config/home.h"
#include "config/settings.h"

namespace aegis::config {
namespace {

constexpr std::size_t kSettingsLimit = std::size_t{1} << 20U;
constexpr std::size_t kPolicyLimit = std::size_t{1} << 20U;  // what the policy engine takes
constexpr std::size_t kAllPoliciesLimit = std::size_t{16} << 20U;
constexpr std::size_t kMostPolicyFiles = 1024;

// Resolves the paths of one aegis.toml.
class Paths {
 public:
  Paths(std::string state_dir, std::string_view user_home)
      : state_dir_(std::move(state_dir)), user_home_(user_home) {}

  std::string Absolute(std::string_view escaped) const {
    std::string path = base::UnescapeName(escaped);
    if (path.starts_with('/')) {
      return path;
    }
    if (path == "~" || path.starts_with("~/")) {
      return user_home_ + path.substr(1);
    }
    return state_dir_ + "/" + path;
  }

  std::vector<std::string> Absolute(const std::vector<std::string>& paths) const {
    std::vector<std::string> absolute;
    absolute.reserve(paths.size());
    for (const std::string& path : paths) {
      absolute.push_back(Absolute(path));
    }
    return absolute;
  }

 private:
  std::string state_dir_;
  std::string user_home_;
};

// Lexical: the file may not exist yet. A symlink below the state directory is the caller's own.
bool LiesBelow(const std::string& path, const std::string& directory) {
  const std::string normal = std::filesystem::path(path).lexically_normal().string();
  return normal.size() > directory.size() + 1 && normal.starts_with(directory + "/");
}

base::Result<> CheckAbsolute(const std::vector<std::string>& paths, std::string_view key,
                             const std::string& file) {
  for (const std::string& path : paths) {
    if (!path.starts_with('/')) {
      return base::Fail(base::Errc::kInvalid, base::EscapeName(file) + ": \"" + std::string(key) +
                                                  "\" must hold absolute paths, not " + path);
    }
  }
  return {};
}

base::Result<> CheckSettings(const Settings& settings, const Configuration& configuration) {
  const std::string file = base::EscapeName(configuration.file);
  if (settings.name && *settings.name != configuration.name) {
    return base::Fail(base::Errc::kInvalid, file + ": name is \"" + *settings.name +
                                                "\", but the directory is \"" + configuration.name +
                                                "\"");
  }
  if (settings.max_age_days && *settings.max_age_days < 1) {
    return base::Fail(base::Errc::kInvalid, file + ": max_age_days must be 1 or more");
  }
  const std::string ledger = configuration.state_dir + "/audit.db";
  if (std::filesystem::path(configuration.ledger_path).lexically_normal() != ledger) {
    return base::Fail(
        base::Errc::kInvalid,
        file + ": ledger_path must be " + base::EscapeName(ledger) + ", which no agent can reach");
  }
  return {};
}

base::Result<> AppendDirectory(const std::string& path, std::vector<std::string>& files) {
  std::vector<std::string> found;
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    if (name.ends_with(".cedar") && !name.starts_with('.')) {
      found.push_back(entries->path().string());
    }
  }
  if (error) {
    return base::Fail(base::Error::FromErrno("list " + base::EscapeName(path), error.value()));
  }
  if (found.empty()) {
    return base::Fail(base::Errc::kNotFound, base::EscapeName(path) + ": no policy (*.cedar) here");
  }
  std::ranges::sort(found);
  files.insert(files.end(), found.begin(), found.end());
  return {};
}

}  // namespace

base::Result<Configuration> LoadConfiguration(const Home& home, std::string_view name,
                                              std::string_view user_home) {
  AEGIS_TRY(home.CheckState(name));
  AEGIS_ASSIGN(const std::string text,
               base::ReadFile(home.StateDir(name) + "/aegis.toml", kSettingsLimit));
  return ReadConfiguration(home, name, user_home, text);
}

base::Result<Configuration> ReadConfiguration(const Home& home, std::string_view name,
                                              std::string_view user_home, std::string_view text) {
  Configuration configuration;
  configuration.name = std::string(name);
  configuration.state_dir = home.StateDir(name);
  configuration.file = configuration.state_dir + "/aegis.toml";
  AEGIS_ASSIGN(Settings settings, ParseSettings(text, base::EscapeName(configuration.file)));

  const Paths paths(configuration.state_dir, user_home);
  configuration.ledger_path = paths.Absolute(settings.ledger_path.value_or("audit.db"));
  configuration.sandbox_dir = paths.Absolute(settings.sandbox_dir.value_or("sandbox"));
  configuration.journal_dir = configuration.state_dir + "/journal";
  configuration.policy_paths =
      paths.Absolute(settings.policy_paths.value_or(std::vector<std::string>{"policies"}));
  configuration.env_pass = settings.env_pass.value_or(std::vector<std::string>{});
  configuration.private_dirs = settings.private_dirs.value_or(UsualPrivateDirs());
  AEGIS_TRY(CheckAbsolute(configuration.private_dirs, "private_dirs", configuration.file));
  configuration.max_age_days = settings.max_age_days;
  configuration.masks = std::move(settings.masks);
  configuration.reads_unrecorded = settings.level == "writes";
  configuration.network_ordered = settings.network == "ordered";
  configuration.network_policy = std::move(settings.network_policy);
  configuration.published_ports = std::move(settings.published_ports);
  configuration.witness = std::move(settings.witness);
  if (configuration.witness.ca) {
    configuration.witness.ca = paths.Absolute(*configuration.witness.ca);
  }
  configuration.without_effect = std::move(settings.without_effect);
  configuration.mapped = std::move(settings.mapped);
  if (settings.dir) {
    configuration.dir = paths.Absolute(*settings.dir);
  } else if (settings.sandbox_dir && !LiesBelow(configuration.sandbox_dir, home.path())) {
    // Files written for the older layout name the project here.
    configuration.dir = configuration.sandbox_dir;
  }
  AEGIS_TRY(CheckSettings(settings, configuration));
  return configuration;
}

base::Result<std::vector<PolicyFile>> ReadPolicyFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
      return base::FailErrno("read policy " + base::EscapeName(path));
    }
    if (S_ISDIR(info.st_mode)) {
      AEGIS_TRY(AppendDirectory(path, files));
    } else {
      files.push_back(path);
    }
  }
  if (files.empty()) {
    return base::Fail(base::Errc::kInvalid, "policy_paths names no policy");
  }
  if (files.size() > kMostPolicyFiles) {
    return base::Fail(base::Errc::kExhausted, "more than 1024 policy files");
  }
  std::vector<PolicyFile> policies;
  policies.reserve(files.size());
  std::size_t total = 0;
  for (const std::string& file : files) {
    AEGIS_ASSIGN(std::string text, base::ReadFile(file, kPolicyLimit));
    total += text.size();
    if (total > kAllPoliciesLimit) {
      return base::Fail(base::Errc::kExhausted,
                        "read " + base::EscapeName(file) +
                            ": the policies together are larger than 16777216 bytes");
    }
    policies.push_back({.path = base::EscapeName(file), .text = std::move(text)});
  }
  return policies;
}

base::Result<std::string> ProjectDirectory(const Home& home, const std::string& dir) {
  AEGIS_ASSIGN(std::string canonical, base::CanonicalPath(dir));
  struct stat info{};
  if (::stat(canonical.c_str(), &info) != 0) {
    return base::FailErrno("open " + base::EscapeName(canonical));
  }
  if (!S_ISDIR(info.st_mode)) {
    return base::Fail(base::Errc::kInvalid, base::EscapeName(canonical) + ": not a directory");
  }
  if (canonical == home.path() || LiesBelow(canonical, home.path())) {
    return base::Fail(base::Errc::kInvalid,
                      base::EscapeName(canonical) +
                          ": lies in AEGIS_HOME, which no agent may have as its project");
  }
  return canonical;
}

}  // namespace aegis::config
