#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "gate/tracee.h"

namespace aegis::gate {

// An execve(2) that was judged and that the kernel goes on with by itself: what must stand there
// when the program has begun, before its first instruction.
struct Execution {
  std::string name;   // the program that was judged, canonical bytes
  std::string image;  // what the kernel runs: the program itself, or the interpreter of a script
  dev_t device = 0;   // of the image
  ino_t inode = 0;
  Arguments arguments;             // as the image gets them
  std::size_t script_name_at = 0;  // which of them names the script; 0: the program is no script
};

// The executions that are under way, by the thread that called. A call that fails leaves its
// execution behind until the thread's next one: it is never taken without a call that was judged.
class Executions {
 public:
  void Expect(pid_t tid, Execution execution) {
    under_way_.insert_or_assign(tid, std::move(execution));
  }

  std::optional<Execution> Take(pid_t tid) {
    auto node = under_way_.extract(tid);
    return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
  }

  void Forget(pid_t tid) { under_way_.erase(tid); }

 private:
  std::unordered_map<pid_t, Execution> under_way_;
};

}  // namespace aegis::gate
