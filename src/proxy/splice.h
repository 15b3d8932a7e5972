#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace aegis::proxy {

// Pipes for the bytes that are on their way between two sockets; used again and again.
class Pipes {
 public:
  struct Pipe {
    base::UniqueFd out{};
    base::UniqueFd in{};

    bool valid() const { return in.valid(); }
  };

  // Invalid, with errno, if there is none. An empty one.
  Pipe Take();
  void GiveBack(Pipe pipe);

 private:
  std::vector<Pipe> free_;
};

// One direction between two TCP sockets that do not block: what comes from the one goes to the
// other, in the kernel where it can. The end of the stream is passed on too.
class Splice {
 public:
  enum class State : std::uint8_t {
    kWaiting,  // for one of the sockets
    kMore,     // its share of this turn is used up
    kEnded,    // the stream has ended, and the other side was told
    kBroken,   // one of the connections is
  };

  // Bytes that were read before, and go first.
  void Put(std::span<const std::uint8_t> bytes) {
    ahead_.insert(ahead_.end(), bytes.begin(), bytes.end());
  }

  // Passes on what is there.
  State Pass(const base::UniqueFd& from, const base::UniqueFd& to, Pipes& pipes);

 private:
  enum class Step : std::uint8_t { kDone, kWait, kEnd, kBroken };

  std::size_t Held() const { return ahead_.size() + inside_; }
  Step SendAhead(const base::UniqueFd& to);
  Step Fill(const base::UniqueFd& from, Pipes& pipes);
  Step Copy(const base::UniqueFd& from);
  Step Drain(const base::UniqueFd& to, Pipes& pipes);

  std::vector<std::uint8_t> ahead_;
  Pipes::Pipe pipe_;        // while bytes are in it
  std::size_t inside_ = 0;  // so many
  bool ended_ = false;
};

}  // namespace aegis::proxy
