#include "policy/dry_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>  // SIGKILL, SIGXCPU
#include <spawn.h>
#include <stdio.h>   // SEEK_SET
#include <stdlib.h>  // WEXITED
#include <string.h>  // sigdescr_np
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/encoding.h"
#include "canon/sha256.h"
#include "policy/dry_run_message.h"
#include "policy/policy.h"
#include "policy/templates.h"

namespace aegis::policy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kAttempt = "start the check of policies";

// A file in memory that holds `content`, to be read from its beginning.
base::Result<base::UniqueFd> InMemory(std::string_view content) {
  base::UniqueFd fd(::memfd_create("policies", MFD_CLOEXEC));
  if (!fd.valid()) {
    return base::FailErrno(kAttempt);
  }
  AEGIS_TRY(base::WriteAll(fd.get(), content));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) {
    return base::FailErrno(kAttempt);
  }
  return fd;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// What becomes of the descriptors of a child; the first error sticks.
class SpawnActions {
 public:
  SpawnActions() : error_(::posix_spawn_file_actions_init(&actions_)) {}
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void Become(int fd, int number) {
    Keep(::posix_spawn_file_actions_adddup2(&actions_, fd, number));
  }
  void Discard(int number) {
    Keep(::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_WRONLY, 0));
  }
  int error() const { return error_; }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  void Keep(int error) { error_ = error_ != 0 ? error_ : error; }

  posix_spawn_file_actions_t actions_{};
  int error_;
};

// A child with the request as its standard input; killed and reaped at the latest when it goes.
class Child {
 public:
  static base::Result<Child> Start(const DryRunStage& stage, int request);

  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pidfd_.valid()) {
      static_cast<void>(::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U));
      static_cast<void>(Reap());
    }
  }

  struct End {
    bool in_time = true;    // else it was killed
    bool overlong = false;  // it said more than an answer may have
    int signal = 0;         // that ended it
    int code = 0;
    std::string answer;
  };
  End Await(std::chrono::milliseconds patience) &&;

 private:
  Child(base::UniqueFd pidfd, base::UniqueFd answer)
      : pidfd_(std::move(pidfd)), answer_(std::move(answer)) {}

  bool ReadSome(std::string& answer);
  siginfo_t Reap();

  base::UniqueFd pidfd_;
  base::UniqueFd answer_;
};

base::Result<Child> Child::Start(const DryRunStage& stage, int request) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return base::FailErrno(kAttempt);
  }
  base::UniqueFd read_end(ends[0]);
  const base::UniqueFd write_end(ends[1]);
  SpawnActions actions;
  actions.Become(request, STDIN_FILENO);
  actions.Become(write_end.get(), STDOUT_FILENO);
  // What a dying parser says is nobody's business: its end tells.
  actions.Discard(STDERR_FILENO);
  std::vector<std::string> words = stage.argv;
  std::vector<char*> argv = Pointers(words);
  std::array<char*, 1> no_environment{nullptr};
  int pid = 0;
  int error = actions.error();
  if (error == 0) {
    error = ::posix_spawn(&pid, stage.program.c_str(), actions.get(), nullptr, argv.data(),
                          no_environment.data());
  }
  if (error != 0) {
    return base::Fail(base::Error::FromErrno(kAttempt, error));
  }
  base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  if (!pidfd.valid()) {
    return base::FailErrno(kAttempt);
  }
  return Child(std::move(pidfd), std::move(read_end));
}

// False at the end of the answer.
bool Child::ReadSome(std::string& answer) {
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(answer_.get(), bytes.data(), bytes.size());
  if (got > 0) {
    answer.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return got > 0 || (got < 0 && errno == EINTR);
}

siginfo_t Child::Reap() {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
  pidfd_.Reset();
  return info;
}

Child::End Child::Await(std::chrono::milliseconds patience) && {
  const Clock::time_point deadline = Clock::now() + patience;
  End end;
  bool speaking = true;
  for (bool alive = true; alive && end.in_time && !end.overlong;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    std::array<pollfd, 2> events{
        {{speaking ? answer_.get() : -1, POLLIN, 0}, {speaking ? -1 : pidfd_.get(), POLLIN, 0}}};
    end.in_time = left > 0;
    if (!end.in_time || ::poll(events.data(), events.size(), static_cast<int>(left)) <= 0) {
      continue;
    }
    speaking = speaking && ReadSome(end.answer);
    alive = events[1].revents == 0;
    end.overlong = end.answer.size() > kLongestDryRunAnswer;
  }
  if (!end.in_time || end.overlong) {
    static_cast<void>(::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U));
  }
  const siginfo_t info = Reap();
  (info.si_code == CLD_EXITED ? end.code : end.signal) = info.si_status;
  return end;
}

// The files that nobody vouches for, as an error names them.
std::string Named(const std::vector<Source>& sources) {
  std::string first;
  std::size_t others = 0;
  for (const Source& source : sources) {
    if (IsBuiltInText(source.text)) {
      continue;
    }
    if (first.empty()) {
      first = source.file;
    } else {
      ++others;
    }
  }
  return others == 0 ? first : first + " and " + std::to_string(others) + " more";
}

std::string Why(const Child::End& end, const DryRunLimits& limits) {
  if (!end.in_time) {
    return "no answer within " + std::to_string(limits.patience.count() / 1000) + " s";
  }
  if (end.overlong || end.signal == 0) {
    return "the check gave no proper answer";
  }
  if (end.signal == SIGXCPU) {
    return "it takes more than " + std::to_string(limits.cpu_seconds) + " s of processor time";
  }
  const char* const description = ::sigdescr_np(end.signal);
  return "the check died (" + std::string(description == nullptr ? "?" : description) +
         "), as it does where it wants more than " + std::to_string(limits.memory >> 20U) +
         " MiB of memory";
}

}  // namespace

base::Result<> DryRun(const std::vector<Source>& sources, const Names& names,
                      const DryRunStage& stage, const DryRunLimits& limits) {
  AEGIS_ASSIGN(const base::UniqueFd request,
               InMemory(EncodeDryRunRequest(::getpid(), limits, names, sources)));
  AEGIS_ASSIGN(Child child, Child::Start(stage, request.get()));
  const Child::End end = std::move(child).Await(limits.patience);
  const bool ended_well = end.in_time && !end.overlong && end.signal == 0 && end.code == 0;
  auto answer = ended_well ? DecodeDryRunAnswer(end.answer) : std::nullopt;
  if (!answer) {
    return base::Fail(base::Errc::kExhausted, base::ForDisplay(Named(sources)) +
                                                  ": too costly to check: " + Why(end, limits));
  }
  return std::move(*answer);
}

std::string DryRunKey(std::string_view version, const std::vector<Source>& sources) {
  canon::Sha256Hasher hasher;
  hasher.Begin();
  const auto add = [&hasher](std::string_view part) {
    const std::string size = std::to_string(part.size()) + ":";
    hasher.Update(size);
    hasher.Update(part);
  };
  add(version);
  for (const Source& source : sources) {
    add(source.file.substr(source.file.rfind('/') + 1));
    add(source.text);
  }
  return canon::HexEncode(hasher.Finish().view());
}

}  // namespace aegis::policy
