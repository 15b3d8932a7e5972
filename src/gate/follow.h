#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "gate/live_policies.h"

namespace aegis::gate {

// How the command ended, as far as it is known.
struct CommandEnd {
  std::optional<int> status;      // as from waitpid(2); none when the supervisor died first
  int supervisor_status = 0;      // as from waitpid(2), of a supervisor that died first
  std::optional<int> exec_error;  // errno of the execve that failed
  std::uint64_t published_connections = 0;  // as the supervisor said at its end
};

// The processes of a run, as the launcher reaches them.
struct Followed {
  pid_t supervisor = 0;
  int supervisor_socket = -1;
  int control = -1;  // the other end of init's control socket
  // Whether the ledger has failed for good: the supervisor, which can record nothing any more, is
  // killed then.
  std::function<bool()> ledger_failed;
  // The supervisor asks for the proxy.
  std::function<void()> start_proxy;
};

// The launcher's side while the command runs: drains the journal, passes signals on, stops and goes
// on with the job, or with the command alone where it is continued from inside. One thread.
class Follower {
 public:
  // Blocks the signals it will pass on; what arrives from here on is kept for Follow.
  static base::Result<Follower> Start();

  // Until nothing more can be appended: the supervisor is dead, or has said that it ends.
  // `drain` is called every 40 ms, and sooner while it says that much came; it takes as long only
  // as a drain does.
  // `live`, if not null, is looked after meanwhile.
  CommandEnd Follow(const Followed& followed, const std::function<bool()>& drain,
                    LivePolicies* live);

  // After Follow: until the supervisor, and with it everything inside, is dead.
  void AwaitDeath(pid_t supervisor);

 private:
  explicit Follower(base::UniqueFd signals) : signals_(std::move(signals)) {}

  void PassSignals(int control, pid_t supervisor);
  bool Reap(pid_t supervisor, int options);
  void TakeEvents(int control, CommandEnd& end);
  bool TakeWord(const Followed& followed, int& socket, LivePolicies* live, CommandEnd& end);
  void StopWithCommand(const Followed& followed, CommandEnd& end);

  base::UniqueFd signals_;
  bool supervisor_dead_ = false;
  bool supervisor_failed_ = false;  // it was killed, or could not go on
  int supervisor_status_ = 0;       // as from waitpid(2)
  bool ended_ = false;              // nothing more will be appended
  bool continued_ = false;          // SIGCONT came in this round
  bool stopped_ = false;            // the command is stopped, as far as init said
};

}  // namespace aegis::gate
