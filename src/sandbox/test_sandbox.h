#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/init.h"
#include "sandbox/plan.h"

// A launcher and a supervisor for tests: it lets every notified call continue, so that what holds
// is the wall behind the gate and not the gate.
namespace aegis::sandbox::testing_support {

inline constexpr uid_t kOrdinaryUser = 54321;

// A directory in /tmp that everybody may enter, with a copy of the hostile program in it.
class Workshop {
 public:
  Workshop();
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  const std::string& path() const { return path_; }
  std::string Directory(const std::string& name) const;
  std::string File(const std::string& name, std::string_view content) const;
  const std::string& hostile() const { return hostile_; }

 private:
  std::string path_;
  std::string hostile_;
};

struct Outcome {
  std::map<std::string, std::string> said;  // what the command printed: "what result"
  std::string error;                        // of the sandbox itself: "kind: message"
  std::vector<Event> events;                // in order
  int status() const;                       // the command's wait status, -1 if it never ran
};

struct RunOptions {
  uid_t user = 0;     // becomes this user first, when root
  int terminal = -1;  // becomes standard input and the controlling terminal of a new session
  std::function<void()> prepare;            // in the launcher, before anything
  bool confined = false;                    // the supervisor, with Landlock
  std::function<void()> before_supervisor;  // in the launcher, when the plan is made
  // In the supervisor, when it has limited itself; gives lines as the command does.
  std::function<std::map<std::string, std::string>()> in_supervisor;
  // In the launcher, with every line that the command prints: the pids of supervisor and init, and
  // the control socket.
  struct Handles {
    pid_t supervisor = 0;
    int control = -1;
  };
  std::function<void(const std::string& line, const Handles&)> on_line;
  std::function<void(const Event&, const Handles&)> on_event;
};

// Runs `input` to its end.
Outcome RunSandbox(const PlanInput& input, const RunOptions& options);

// Pids of all processes whose command line contains `tag`.
std::vector<pid_t> ProcessesWith(std::string_view tag);

}  // namespace aegis::sandbox::testing_support
