#include "proxy/stage.h"

#include <unistd.h>

#include <cstdlib>

// Nothing but the proxy, as Aegis' own executable has it; argv[1] names other servers than the
// machine's.
int main(int argc, char** argv) {
  // As the executable does: what a sanitizer does at the end takes more than the proxy may.
  std::quick_exit(aegis::proxy::RunProxyStage(STDIN_FILENO, {.servers = argc > 1 ? argv[1] : ""}));
}
