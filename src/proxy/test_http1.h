#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http1_fault.h"
#include "proxy/http1_relay.h"

// A connection through Http1Relay as a proxy would relay it, for tests and the fuzz target.
namespace aegis::proxy::testing_support {

inline std::span<const std::uint8_t> AsBytes(std::string_view text) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text as bytes
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// All that must not depend on how the bytes come.
struct Http1Trace {
  std::string client_passed{};
  std::string server_passed{};
  std::vector<std::string> judged{};  // METHOD HOST[:PORT] TARGET
  Http1Action client = Http1Action::kNeedMore;
  Http1Action server = Http1Action::kNeedMore;
  Http1Fault fault = Http1Fault::kNone;

  bool operator==(const Http1Trace&) const = default;
};

// Relays two streams that arrive in pieces, and aborts where a step contradicts its contract.
class Http1Connection {
 public:
  Http1Connection(std::string_view client, std::string_view server, std::size_t piece)
      : client_{.stream = client}, server_{.stream = server}, piece_(piece) {}

  // As far as the client gets, then a step of the server, until neither moves: what comes of it
  // must not depend on the pieces.
  Http1Trace RunInTurns() {
    do {
      moved_ = false;
      while (MoveClient()) {
      }
      MoveServer();
    } while (moved_);
    return Trace();
  }

  // A step of each: the server's bytes may come too early.
  Http1Trace RunTogether() {
    do {
      moved_ = false;
      MoveClient();
      MoveServer();
    } while (moved_);
    return Trace();
  }

 private:
  struct Direction {
    std::string_view stream{};
    std::size_t passed = 0;
    std::size_t arrived = 0;

    std::string_view Waiting() const { return stream.substr(passed, arrived - passed); }
  };

  static void Require(bool condition) {
    if (!condition) {
      std::abort();
    }
  }

  bool MoveClient() {
    const Http1Step step = relay_.FromClient(AsBytes(client_.Waiting()));
    if (step.action == Http1Action::kJudge) {
      Judge(step);
      return true;
    }
    Require(permitted_ == 0 || step.action != Http1Action::kPass || step.bytes == permitted_);
    permitted_ = step.action == Http1Action::kPass ? 0 : permitted_;
    return Move(client_, step);
  }

  void MoveServer() { Move(server_, relay_.FromServer(AsBytes(server_.Waiting()))); }

  void Judge(const Http1Step& step) {
    Require(step.bytes > 0 && step.bytes <= client_.Waiting().size());
    Require(relay_.FromClient(AsBytes(client_.Waiting())) == step);
    const Http1Request& request = relay_.request();
    judged_.push_back(
        request.method + " " + request.authority.host +
        (request.authority.port ? ":" + std::to_string(*request.authority.port) : "") + " " +
        request.target);
    permitted_ = step.bytes;
    relay_.Permit();
    moved_ = true;
  }

  // Whether to ask again at once.
  bool Move(Direction& direction, const Http1Step& step) {
    Require(fault_ == Http1Fault::kNone || step.fault == fault_);
    Require((step.action == Http1Action::kRefused) == (step.fault != Http1Fault::kNone));
    Require((step.action == Http1Action::kPass) == (step.bytes != 0));
    fault_ = step.fault;
    if (step.action == Http1Action::kPass) {
      Require(step.bytes <= direction.Waiting().size());
      direction.passed += step.bytes;
    } else if (step.action == Http1Action::kNeedMore &&
               direction.arrived < direction.stream.size()) {
      direction.arrived = std::min(direction.arrived + piece_, direction.stream.size());
    } else {
      return false;
    }
    moved_ = true;
    return true;
  }

  Http1Trace Trace() {
    // Where nothing moves, asking again changes nothing; after a refusal both are refused.
    const Http1Step client = relay_.FromClient(AsBytes(client_.Waiting()));
    const Http1Step server = relay_.FromServer(AsBytes(server_.Waiting()));
    Require(client.fault == fault_ && server.fault == fault_);
    return {.client_passed = std::string(client_.stream.substr(0, client_.passed)),
            .server_passed = std::string(server_.stream.substr(0, server_.passed)),
            .judged = judged_,
            .client = client.action,
            .server = server.action,
            .fault = fault_};
  }

  Http1Relay relay_;
  Direction client_;
  Direction server_;
  std::size_t piece_;
  std::size_t permitted_ = 0;  // of a head that has its verdict and is not passed
  std::vector<std::string> judged_;
  Http1Fault fault_ = Http1Fault::kNone;
  bool moved_ = false;
};

}  // namespace aegis::proxy::testing_support
