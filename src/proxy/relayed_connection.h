#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/http_pass.h"
#include "proxy/inside_sockets.h"
#include "proxy/protocol.h"
#include "proxy/splice.h"

namespace aegis::proxy {

// One connection of the agent to a host that was permitted by name. It stands inside as soon as it
// stands outside. What the agent sends first must say that it is for this host: TLS by its server
// name, HTTP by its Host, in each request. Before that, nothing is sent outside.
class RelayedConnection {
 public:
  struct Sockets {
    base::UniqueFd outside{};  // connecting
    base::UniqueFd inside{};   // the agent's own, connecting to the meeting port
  };
  enum class State : std::uint8_t {
    kWaiting,  // for one of the sockets
    kMore,     // its share of this turn is used up
    kEnded,
  };

  RelayedConnection(const NewConnection& connection, Sockets sockets);

  // Goes on as far as it can without waiting.
  State Drive(const InsideSockets& inside, Pipes& pipes);

  // Whether it waits for something that the agent must not put off: to say for which host it is,
  // once it has begun, or to read why it was refused.
  bool is_hurried() const;
  // The agent is gone: when what it has sent is passed on, the connection ends.
  void Finish() { finishing_ = true; }
  // It has waited long enough.
  void Expire();

  // The sockets whose readiness moves the connection; the inner one may be invalid, and changes
  // once.
  const base::UniqueFd& outer() const { return outside_; }
  const base::UniqueFd& inner() const { return inner_; }

  // Once: why it was refused.
  std::optional<ConnectionRefused> TakeRefusal();

 private:
  enum class Phase : std::uint8_t {
    kDialling,
    kMeeting,
    kReading,
    kPassing,
    kHttp,
    kRefused,
    kEnded
  };

  // Whether the phase has changed, so that there is more to do.
  bool Step(const InsideSockets& inside, Pipes& pipes);
  bool Dial(const InsideSockets& inside);
  bool Meet();
  bool Read();
  bool Judge();
  bool ServerSpoke();
  bool Pass(Pipes& pipes);
  bool PassHttp();
  bool DiscardInput();
  bool RefuseFirst(Objection objection, std::string_view seen);
  void NoteRefusal(Objection objection, std::string_view seen);
  bool Answer(std::string_view refusal);
  bool Break();
  bool EnterPhase(Phase phase);

  std::uint64_t id_;
  std::string name_;
  std::uint16_t port_;
  base::UniqueFd outside_;
  base::UniqueFd agents_;  // until it is met
  base::UniqueFd inner_;   // the other end of the agent's connection
  Phase phase_ = Phase::kDialling;
  std::vector<std::uint8_t> first_;  // what the agent has sent before the host is known
  Splice out_;
  Splice in_;
  std::optional<HttpPass> http_;
  bool more_ = false;
  bool finishing_ = false;
  std::optional<ConnectionRefused> refusal_;  // to be told
  ConnectionRefused last_refusal_;
};

}  // namespace aegis::proxy
