#include "main/last_words.h"

#include <signal.h>
#include <unistd.h>

#include <new>
#include <string_view>

#include "cli/launch.h"

namespace aegis {

namespace {

[[noreturn]] void Leave(std::string_view line) {
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(cli::kAegisFailed);
}

// Memory that the Rust engines want, and an invariant that is broken, end in abort(3), after a line
// of their own.
void OnFatal(int signal) {
  if (signal == SIGBUS) {
    Leave("aegis: the ledger or its journal was cut short while it was in use, or can't be read\n");
  }
  Leave("aegis: aborted: out of memory, or a defect\n");
}

void Ignore(int /*signal*/) {}

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void InstallLastWords() {
  std::set_new_handler([] { Leave("aegis: out of memory\n"); });
  Handle(SIGABRT, OnFatal);
  Handle(SIGBUS, OnFatal);
  struct sigaction before{};
  // Handled, not ignored: what is executed would inherit that.
  if (::sigaction(SIGXFSZ, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) {
    Handle(SIGXFSZ, Ignore);
  }
}

}  // namespace aegis
