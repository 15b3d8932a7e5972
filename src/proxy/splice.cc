#include "proxy/splice.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/unique_fd.h"

namespace aegis::proxy {
namespace {

// The kernel gives users less where many pipes are open.
constexpr int kPipeSize = 1 << 18;
constexpr std::size_t kMostFree = 32;
constexpr std::size_t kCopied = 16'384;
constexpr std::size_t kShare = std::size_t{1} << 20U;  // bytes of one turn

}  // namespace

Pipes::Pipe Pipes::Take() {
  if (!free_.empty()) {
    Pipe pipe = std::move(free_.back());
    free_.pop_back();
    return pipe;
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return {};
  }
  static_cast<void>(::fcntl(ends[1], F_SETPIPE_SZ, kPipeSize));
  return {.out = base::UniqueFd(ends[0]), .in = base::UniqueFd(ends[1])};
}

void Pipes::GiveBack(Pipe pipe) {
  if (pipe.valid() && free_.size() < kMostFree) {
    free_.push_back(std::move(pipe));
  }
}

Splice::Step Splice::SendAhead(const base::UniqueFd& to) {
  const ssize_t sent = ::send(to.get(), ahead_.data(), ahead_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    return errno == EAGAIN ? Step::kWait : Step::kBroken;
  }
  ahead_.erase(ahead_.begin(), ahead_.begin() + sent);
  return Step::kDone;
}

// Where there are no more pipes to be had.
Splice::Step Splice::Copy(const base::UniqueFd& from) {
  ahead_.resize(kCopied);
  const ssize_t got = ::recv(from.get(), ahead_.data(), ahead_.size(), MSG_DONTWAIT);
  const int error = errno;
  ahead_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got < 0) {
    return error == EAGAIN ? Step::kWait : Step::kBroken;
  }
  return got == 0 ? Step::kEnd : Step::kDone;
}

Splice::Step Splice::Fill(const base::UniqueFd& from, Pipes& pipes) {
  if (!pipe_.valid()) {
    pipe_ = pipes.Take();
  }
  if (!pipe_.valid()) {
    return Copy(from);
  }
  const ssize_t got = ::splice(from.get(), nullptr, pipe_.in.get(), nullptr, kPipeSize,
                               SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (got > 0) {
    inside_ = static_cast<std::size_t>(got);
    return Step::kDone;
  }
  if (got < 0 && errno != EAGAIN) {
    return Step::kBroken;
  }
  pipes.GiveBack(std::exchange(pipe_, {}));
  return got == 0 ? Step::kEnd : Step::kWait;
}

Splice::Step Splice::Drain(const base::UniqueFd& to, Pipes& pipes) {
  const ssize_t put = ::splice(pipe_.out.get(), nullptr, to.get(), nullptr, inside_,
                               SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (put <= 0) {
    return put < 0 && errno == EAGAIN ? Step::kWait : Step::kBroken;
  }
  inside_ -= static_cast<std::size_t>(put);
  if (inside_ == 0) {
    pipes.GiveBack(std::exchange(pipe_, {}));
  }
  return Step::kDone;
}

Splice::State Splice::Pass(const base::UniqueFd& from, const base::UniqueFd& to, Pipes& pipes) {
  std::size_t left = kShare;
  while (!ended_) {
    const std::size_t before = Held();
    const Step step = !ahead_.empty() ? SendAhead(to)
                      : inside_ != 0  ? Drain(to, pipes)
                                      : Fill(from, pipes);
    switch (step) {
      case Step::kDone:
        break;
      case Step::kWait:
        return State::kWaiting;
      case Step::kBroken:
        return State::kBroken;
      case Step::kEnd:
        ended_ = true;
        return ::shutdown(to.get(), SHUT_WR) == 0 ? State::kEnded : State::kBroken;
    }
    const std::size_t moved = before > Held() ? before - Held() : 0;
    if (moved >= left) {
      return State::kMore;
    }
    left -= moved;
  }
  return State::kEnded;
}

}  // namespace aegis::proxy
