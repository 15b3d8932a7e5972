#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

// A socket's place in one of the caller's epoll instances (epoll_ctl(2)).
struct EpollRegistration {
  base::UniqueFd epoll;  // shared with the caller
  std::uint32_t events = 0;
  std::uint64_t data = 0;
};

// Keeps sockets in the epoll instances of their programs when they are replaced under their
// numbers: programs that register first and connect then (Asio, Netty) would wait for ever.
//
// The kernel tells what is registered in /proc/<pid>/fdinfo (proc(5)), and knows a registration by
// the open file and the number under which it was added. So a thread with descriptors of its own
// gives the new file the same number, and adds it; the program changes and removes it as its own.
class EpollRegistrations {
 public:
  explicit EpollRegistrations(const Roots& roots) : roots_(roots) {}

  // The agent is about to make an epoll instance: those known of any process may be too few.
  void Announce() { announced_at_ = std::chrono::steady_clock::now(); }

  // Where the caller has registered its descriptor `number`, a socket of inode `inode`. Of
  // descriptors that are shared with other processes only the caller's epoll instances count.
  std::vector<EpollRegistration> Find(Process& process, ProcessTable& processes, int number,
                                      ino_t inode);

  struct Sockets {
    const base::UniqueFd& replaced;
    const base::UniqueFd& now;
  };
  // Registers the one under `number` instead of the other, which lives on where another process
  // has it. From any thread.
  void Restore(const std::vector<EpollRegistration>& registrations, int number,
               const Sockets& sockets);

 private:
  using Clock = std::chrono::steady_clock;

  struct Known {
    std::vector<int> epolls;  // numbers in the process' table
    Clock::time_point read_at;
  };
  struct Job {
    const std::vector<EpollRegistration>* registrations = nullptr;
    int number = -1;
    int replaced = -1;
    int socket = -1;
  };

  const std::vector<int>& EpollsOf(const Process& process);
  void Work(int own_pidfd);

  const Roots& roots_;
  Clock::time_point announced_at_{};
  std::unordered_map<pid_t, Known> known_;  // by process

  std::mutex callers_;  // one job at a time
  std::mutex mutex_;    // of what follows
  std::condition_variable changed_;
  Job job_;
  bool has_worker_ = false;
};

}  // namespace aegis::gate
