#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/unique_fd.h"
#include "gate/roots.h"

namespace aegis::gate {

// What the gate knows of one thread of the agent. Facts are read once and again after a call that
// may change them; each expires after a second, so that a reused thread id can't inherit them.
struct Process {
  pid_t tid = 0;  // host ids
  pid_t tgid = 0;
  pid_t inside_tid = 0;  // as the agent sees them
  pid_t inside_tgid = 0;
  mode_t umask = 022;
  std::string exe;               // canonical path of the image, escaped
  bool is_loader = false;        // of which the image is the dynamic loader (loader.h)
  base::UniqueFd pidfd;          // of the thread, or of its process on Linux before 6.9
  base::UniqueFd cwd;            // O_PATH; only valid through ProcessTable::WorkingDirectory
  std::string cwd_name;          // its canonical path, bytes
  std::uint64_t file_state = 0;  // as of which umask and cwd are known; 0: they may be changing
  std::int64_t read_at_ms = 0;
};

// The threads that have made notified calls. One thread uses it: the receive loop.
class ProcessTable {
 public:
  explicit ProcessTable(const Roots& roots) : roots_(roots) {}

  // The facts about a thread, or nullptr when it is gone (the call then gets ESRCH; it never sees
  // it). Valid until the next call of a member.
  Process* Find(pid_t tid);

  // The working directory, opened O_PATH; -1 when it can't be had. `process.cwd_name` names it.
  int WorkingDirectory(Process& process);

  // The open file behind one of the thread's descriptors, shared with it; invalid if there is none.
  base::UniqueFd Descriptor(Process& process, int fd);

  // Whether the thread can get one more descriptor. Yes where that can't be told: Linux before 6.2
  // does not count them.
  bool HasFreeDescriptor(const Process& process) const;

  // The process has another image, which its thread `caller` executed; all other threads are gone.
  void ImageChanged(pid_t tgid, pid_t caller);

  // The thread is dead; its id may come back as another's.
  void Gone(pid_t tid) {
    processes_.erase(tid);
    changing_.erase(tid);
  }

  // The thread is about to change its working directory or umask. The change happens after the
  // notification is answered, so who shares them keeps nothing until the thread makes its next
  // call.
  void FileStateChanging(const Process& process);

  // Directories have moved: working directories may have other names.
  void NamesMoved() { ++file_state_; }

 private:
  bool Read(Process& process) const;
  void Settle(Process& process, bool is_fresh);
  bool MayBeChanging(const Process& process) const;
  void DropExpired(std::int64_t now_ms);
  void MakeRoom(const Process& process);

  const Roots& roots_;
  std::unordered_map<pid_t, Process> processes_;
  // One count for all processes: which of them share a working directory (clone(2), CLONE_FS) is
  // nothing that the gate is told.
  std::uint64_t file_state_ = 1;
  std::unordered_map<pid_t, pid_t> changing_;  // threads that announced a change, and their process
  std::int64_t swept_ms_ = 0;
  int held_ = 0;  // descriptors kept, at most
};

}  // namespace aegis::gate
