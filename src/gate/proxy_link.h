#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "gate/judge.h"
#include "gate/name_questions.h"
#include "gate/network.h"
#include "gate/published_ports.h"
#include "gate/serving.h"
#include "proxy/proxy.h"

namespace aegis::gate {

// The supervisor's end of the proxy. The proxy reads bytes of the agent and of the network, so
// nothing that it says is taken for more than a question, or for the refusal of a connection that
// it was handed. A thread of its own.
class ProxyLink {
 public:
  // `published` becomes the proxy's: nobody listens there any more once it is gone.
  ProxyLink(Network& network, Judge& judge, Serving& serving, std::vector<OpenPort> published = {})
      : network_(network),
        judge_(judge),
        serving_(serving),
        names_(network, judge),
        published_(std::move(published)) {}

  // The proxy runs: gets the sockets of the run's network that it serves, and is listened to.
  void Begin(base::UniqueFd socket);

  // There is no proxy, or none any more.
  void GiveUp();

  // Readable when the proxy says something; -1 without a proxy.
  int fd() const { return socket_.get(); }

  // Takes all that is there.
  void Take();

  // The agent is gone: waits until what it has sent is passed on, at most for `patience`, and takes
  // what the proxy says meanwhile.
  void Finish(std::chrono::milliseconds patience);

  // How many there were, as far as the proxy said.
  std::uint64_t published_connections() const { return published_connections_; }

 private:
  bool TakeOne();
  void Answer(const proxy::FromProxy& message);
  void Record(const proxy::ConnectionRefused& refused);

  Network& network_;
  Judge& judge_;
  Serving& serving_;
  NameQuestions names_;
  std::vector<OpenPort> published_;
  std::uint64_t published_connections_ = 0;
  base::UniqueFd socket_;
  bool finished_ = false;
};

}  // namespace aegis::gate
