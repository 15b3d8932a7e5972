#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"
#include "cli/context.h"
#include "main/last_words.h"
#include "policy/dry_run.h"
#include "proxy/proxy.h"

// The one executable of Aegis. The name it is called by chooses the program.
namespace {

std::string_view BaseName(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::vector<std::string> Strings(char** strings) {
  std::vector<std::string> all;
  for (; strings != nullptr && *strings != nullptr; ++strings) {
    all.emplace_back(*strings);
  }
  return all;
}

// A descriptor 0, 1 or 2 that the caller closed would go to the next file that is opened, the
// ledger for one, and output would be written into it. Opened the wrong way round, so that use
// still fails.
bool HoldStandardDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 &&
        ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) !=
            fd) {  // NOLINT(android-cloexec-open): inherited like any other
      return false;
    }
  }
  return true;
}

// Two heaps, for the two threads that read policies: in a common one they wait for each other. In
// small steps one of them alone would grow 1,400 times.
void SetUpHeap() {
  constexpr int kStep = 4 << 20;
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_TOP_PAD, kStep);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int Start(char** argv) {
  SetUpHeap();
  const std::vector<std::string> arguments = Strings(argv);
  const std::string_view name = arguments.empty() ? "aegis" : BaseName(arguments.front());
  if (name == aegis::policy::kDryRunName) {
    return aegis::policy::RunDryRunStage(STDIN_FILENO, STDOUT_FILENO);
  }
  if (name == aegis::proxy::kProxyName) {
    return aegis::proxy::RunProxyStage(STDIN_FILENO);
  }
  aegis::InstallLastWords();
  if (!HoldStandardDescriptors()) {
    return aegis::cli::kUsageExit;
  }
  aegis::cli::Context context(Strings(environ), STDOUT_FILENO, STDERR_FILENO);
  for (const std::string_view other : {"aegisd", "aegisctl", "aegis-reviewd"}) {
    if (name == other) {
      context.Say("\"" + std::string(name) + "\" is not in this build");
      return aegis::cli::kUsageExit;
    }
  }
  const std::span<const std::string> words(arguments);
  return aegis::cli::Main(words.subspan(arguments.empty() ? 0 : 1), context);
}

}  // namespace

int main(int /*argc*/, char** argv) {
  try {
    // Policies may still be read on a thread that nobody waits for: no destructors of statics, nor
    // exit handlers of libraries, under its feet. Output is flushed by now.
    std::quick_exit(Start(argv));
  } catch (const std::exception&) {
    // Only out of memory comes here: libraries' exceptions are caught where they are called.
    std::terminate();
  }
}
