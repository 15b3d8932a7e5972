#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/http1_relay.h"
#include "proxy/protocol.h"

namespace aegis::proxy {

// A connection of HTTP/1 that was permitted by the name of its host, between two sockets that do
// not block. Each request is judged by its host before a byte of it is passed on.
class HttpPass {
 public:
  enum class State : std::uint8_t {
    kWaiting,  // for one of the sockets
    kMore,     // its share of this turn is used up
    kRefused,  // a request was refused, and those before it have been answered
    kEnded,    // both streams have ended
    kBroken,   // one of the connections is, or can't be read
  };
  struct Host {
    std::string name{};
    std::uint16_t port = 0;
  };
  struct Refusal {
    Objection objection = Objection::kOtherName;
    std::string seen{};  // any bytes
  };

  // `first` is what the client has sent already.
  HttpPass(Host host, std::vector<std::uint8_t> first)
      : host_(static_cast<Host&&>(host)),
        client_{.unread = static_cast<std::vector<std::uint8_t>&&>(first)} {}

  State Pass(const base::UniqueFd& client, const base::UniqueFd& server);

  // Whether all that the client has sent is passed on, and its end.
  bool client_ended() const { return client_.ended; }

  // Once: why a request was refused, or the connection.
  std::optional<Refusal> TakeRefusal();

 private:
  // What was received from one of them and not passed on.
  struct Stream {
    std::vector<std::uint8_t> unread{};
    std::size_t passed = 0;  // may be sent, from the front
    bool over = false;       // nothing more is passed on
    bool ended = false;      // and the other side was told
  };
  enum class Step : std::uint8_t { kDone, kWait, kBroken };

  Step PassOn(Stream& stream, const base::UniqueFd& from, const base::UniqueFd& to);
  Step Take(Stream& stream, const Http1Step& step, const base::UniqueFd& from,
            const base::UniqueFd& to);
  Step Receive(Stream& stream, const base::UniqueFd& from, const base::UniqueFd& to);
  Step End(Stream& stream, const base::UniqueFd& from, const base::UniqueFd& to);
  Step EndBoth();
  static Step Send(Stream& stream, const base::UniqueFd& to);
  Step Judge();
  Step Refuse(Objection objection, std::string seen);

  Host host_;
  Http1Relay relay_;
  Stream client_;
  Stream server_{};
  bool refused_ = false;
  std::optional<Refusal> refusal_;
};

}  // namespace aegis::proxy
