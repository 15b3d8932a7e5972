#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::gate {

// The terminal that the launcher was started on. A command that takes the foreground (a shell with
// job control) and is killed would leave the caller's job in the background; the destructor gives
// the foreground back to the launcher's group if that had it.
class Foreground {
 public:
  Foreground();
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;
  ~Foreground();

 private:
  base::UniqueFd terminal_;
  pid_t group_ = 0;
};

// The pts device behind one of descriptors 0 to 2, e.g. "/dev/pts/3"; empty if there is none.
std::string TerminalDevice();

// Opens /dev/null on those of descriptors 0 to 2 that are closed.
void FillStandardDescriptors();

// Fails when one of descriptors 0 to 2 is a socket that could reach beyond its peer: a network
// socket, or one that sends to addresses. The agent would inherit it past the policies.
base::Result<> CheckStandardSockets();

}  // namespace aegis::gate
