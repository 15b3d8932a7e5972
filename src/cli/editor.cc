#include "cli/editor.h"

#include <signal.h>  // sigaction, sigset_t
#include <spawn.h>
#include <stdlib.h>  // WIFEXITED
#include <sys/types.h>
#include <sys/wait.h>

#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

namespace aegis::cli {
namespace {

// While it lives, this process ignores what the terminal sends to the editor.
class IgnoredSignals {
 public:
  IgnoredSignals() {
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;  // NOLINT(cppcoreguidelines-pro-type-cstyle-cast): the macro's
    ::sigaction(SIGINT, &ignore, &interrupt_);
    ::sigaction(SIGQUIT, &ignore, &quit_);
  }
  ~IgnoredSignals() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGQUIT, &quit_, nullptr);
  }
  IgnoredSignals(const IgnoredSignals&) = delete;
  IgnoredSignals& operator=(const IgnoredSignals&) = delete;

 private:
  struct sigaction interrupt_{};
  struct sigaction quit_{};
};

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) {
    pointers.push_back(string.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

base::Result<pid_t> Spawn(const std::string& editor, const std::string& file,
                          std::span<const std::string> environment) {
  std::vector<std::string> words = {"sh", "-c", editor + " \"$1\"", "sh", file};
  std::vector<std::string> variables(environment.begin(), environment.end());
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  const std::unique_ptr<posix_spawnattr_t,
                        decltype([](posix_spawnattr_t* one) { ::posix_spawnattr_destroy(one); })>
      destroyed(&attributes);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGINT);
  ::sigaddset(&defaults, SIGQUIT);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/bin/sh", nullptr, &attributes, Pointers(words).data(),
                                  Pointers(variables).data());
  if (error != 0) {
    return base::Fail(base::Error::FromErrno("start /bin/sh", error));
  }
  return pid;
}

}  // namespace

std::string ChooseEditor(const std::vector<std::string>& environment) {
  for (const std::string_view name : {"VISUAL", "EDITOR"}) {
    const auto value = config::FindVariable(environment, name);
    if (value && !value->empty()) {
      return std::string(*value);
    }
  }
  const auto path = config::FindVariable(environment, "PATH");
  return config::ResolveProgram("sensible-editor", path) ? "sensible-editor" : "vi";
}

base::Result<> RunEditor(const std::string& editor, const std::string& file,
                         std::span<const std::string> environment) {
  const IgnoredSignals ignored;
  AEGIS_ASSIGN(const pid_t pid, Spawn(editor, file, environment));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return base::FailErrno("wait for the editor");
    }
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return base::Fail(base::Errc::kInvalid,
                      "the editor (" + base::EscapeName(editor) + ") ended with " +
                          (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                             : "signal " + std::to_string(WTERMSIG(status))));
  }
  return {};
}

}  // namespace aegis::cli
