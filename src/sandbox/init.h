#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/inside_network.h"
#include "sandbox/plan.h"

namespace aegis::sandbox {

// What init (pid 1 of the sandbox) and the command report on the control socket; fixed size, one
// message each (SOCK_SEQPACKET).
struct Event {
  enum class Kind : std::uint32_t {
    kExecFailed = 1,  // value: errno of execve; kExited follows
    kStopped = 2,     // value: the signal that stopped the command
    kContinued = 3,
    kExited = 4,  // value: wait status of the command; everything inside is being killed
  };
  Kind kind = Kind::kExited;
  std::int32_t value = 0;
};

// What init takes from the control socket.
struct Request {
  enum class Kind : std::uint32_t { kSignal = 1 };
  Kind kind = Kind::kSignal;
  std::int32_t signal = 0;  // sent to the command alone
};

// How signals stood when the launcher was started; the command gets them back.
struct SignalState {
  sigset_t mask{};
  std::array<bool, 65> ignored{};  // by signal number
};

// Launcher, first thing.
SignalState CaptureSignals();

// A running sandbox, as its supervisor holds it. Destroying it kills everything inside: the
// lifeline's other end is watched by init, and init is pid 1.
struct Init {
  pid_t pid = 0;         // in the supervisor's pid namespace; its child
  base::UniqueFd pidfd;  // of init
  base::UniqueFd lifeline;
  base::UniqueFd handshake;
  // Until StartCommand:
  base::UniqueFd inside;    // the handshake's other end
  base::UniqueFd commands;  // init reads the command's id from it
  std::vector<base::UniqueFd> namespaces;
  // After it, where the plan has a private network:
  std::optional<InsideNetwork> network;
};

struct InitOptions {
  // SOCK_SEQPACKET, close-on-exec; the other end belongs to whoever follows the command (usually
  // the launcher). EOF there is taken as an order to end.
  int control_fd = -1;
  bool root = false;  // the launcher's effective uid is 0
  SignalState signals;
};

// Supervisor, after BuildMounts: clones init into new pid, ipc, uts and network namespaces (as the
// plan says), and waits until it has mounted /proc.
//
// - Init and the command are in the process group and session of the caller at this moment; a
//   supervisor that wants a group of its own must take it afterwards.
// - Descriptors 0-2 must be open; they become the command's. It inherits no other.
// - Init dies with the thread that called this (PDEATHSIG) and with the lifeline; with init dies
//   every process inside. waitpid(init.pid) returns once they all are dead.
// - When the command ends, init reports kExited and ends with it.
base::Result<Init> StartInit(const Plan& plan, const InitOptions& options);

// Supervisor, before LimitSupervisor: starts the command as a child of init. The command has the
// Landlock domain of the supervisor at this moment, below its own: only who is in its domain, or
// above it, can look at it. It stops before execve until LetCommandExecute has been called.
base::Result<> StartCommand(const Plan& plan, const InitOptions& options, Init& init);

struct Listener {
  base::UniqueFd fd;  // seccomp user notification listener
  pid_t command = 0;  // the command's pid in the supervisor's namespace
  base::UniqueFd command_pidfd;
};

// Supervisor, after LimitSupervisor: waits until the command has confined itself, and takes its
// listener. The command waits on until LetCommandExecute. An error of
// init or of the command up to here comes out as this error, and names the missing protection or
// the step that failed (kNotFound: the working directory is not visible inside).
base::Result<Listener> ReceiveListener(const Plan& plan, const Init& init);

// The command's execve is the first thing that the listener reports then.
base::Result<> LetCommandExecute(const Init& init);

}  // namespace aegis::sandbox
