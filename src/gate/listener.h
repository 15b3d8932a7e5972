#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>

#include "base/unique_fd.h"

namespace aegis::gate {

// What becomes of one notified call.
class Reply {
 public:
  enum class Kind : std::uint8_t {
    kContinue,  // the kernel runs the call in place; only where no judged pointer matters
    kFail,      // the call returns -errno
    kReturn,    // the call returns a value
    kNone,      // answered already (descriptor injected), or the caller is gone
  };

  static Reply Continue() { return Reply(Kind::kContinue, 0); }
  static Reply Fail(int error) { return Reply(Kind::kFail, error); }
  static Reply Return(std::int64_t value) { return Reply(Kind::kReturn, value); }
  static Reply None() { return Reply(Kind::kNone, 0); }
  // 0 -> the call returns 0; otherwise an errno.
  static Reply FromErrno(int error) { return error == 0 ? Return(0) : Fail(error); }

  Kind kind() const { return kind_; }
  std::int64_t value() const { return value_; }

 private:
  Reply(Kind kind, std::int64_t value) : kind_(kind), value_(value) {}

  Kind kind_;
  std::int64_t value_;
};

// The seccomp user-notification listener (seccomp_unotify(2)). Receive is for one thread; the other
// functions may be called from any.
class Listener {
 public:
  explicit Listener(base::UniqueFd fd);

  // Blocks for the next notification; nothing when interrupted or when the caller died meanwhile.
  std::optional<seccomp_notif> Receive();

  // Whether no process is left that could make a notified call. Receive then returns at once.
  bool Abandoned() const;

  // Whether the caller still waits in the call. What was read from the caller's memory is only
  // known to be the caller's if this holds after the read.
  bool StillWaiting(std::uint64_t id) const;

  void Answer(std::uint64_t id, const Reply& reply) const;

  // Gives `fd` to the caller as its lowest free descriptor and ends the call with its number.
  // 0, or the errno to answer with (EMFILE). A caller that is gone is no error.
  int Inject(std::uint64_t id, int fd, bool close_on_exec) const;

  // Puts `fd` in the place of the caller's descriptor `number`; its call goes on waiting. 0, or the
  // errno.
  int Replace(std::uint64_t id, int fd, int number, bool close_on_exec) const;

 private:
  base::UniqueFd fd_;
};

}  // namespace aegis::gate
