#pragma once

#include <signal.h>

#include <array>

namespace aegis::gate {

// What job control stops a process with, other than SIGSTOP.
inline constexpr std::array kTerminalStops = {SIGTSTP, SIGTTIN, SIGTTOU};

// The process ignores kTerminalStops while one lives. The terminal sends them to the whole job, and
// only the command can tell whether they stop it: the launcher must neither stop where the command
// goes on, nor in a way that nobody ends when the command is continued from inside. One thread.
class IgnoredStops {
 public:
  IgnoredStops();
  ~IgnoredStops();
  IgnoredStops(const IgnoredStops&) = delete;
  IgnoredStops& operator=(const IgnoredStops&) = delete;

 private:
  std::array<struct sigaction, kTerminalStops.size()> before_{};
};

// How a stop of the launcher ended.
enum class Continuation : unsigned char {
  kJob,    // by SIGCONT from outside: the job goes on, and the command must be told
  kInside  // something waits to be read at the socket: the command runs again, or has ended
};

// Stops the calling process as SIGSTOP does, for whoever waits for it (a shell), until somebody
// sends it SIGCONT or `control` becomes readable or reaches its end. A stopped process can't look
// at a socket, so a child of its own does meanwhile, which ends with the stop and with the process.
// SIGCONT and SIGCHLD must be blocked; the SIGCONT that ends the stop is taken, and so is a
// SIGCHLD: look after other children afterwards. One thread; others of the process are stopped with
// it. Never fails: without a child (a limit of processes) only SIGCONT counts.
Continuation StopProcess(int control);

}  // namespace aegis::gate
