#pragma once

#include <string_view>

#include "base/unique_fd.h"
#include "gate/judge.h"
#include "gate/network.h"
#include "gate/serving.h"
#include "proxy/proxy.h"

namespace aegis::gate {

// The supervisor's side of the proxy: which names may be looked up, and the addresses that stand
// for them inside. The proxy reads bytes of the agent and of the network, so nothing that it says
// is taken for more than a question.
class NameQuestions {
 public:
  NameQuestions(Network& network, Judge& judge, Serving& serving)
      : network_(network), judge_(judge), serving_(serving) {}

  // The proxy runs: gets the agent's name sockets, and is listened to.
  void Begin(base::UniqueFd socket);

  // There is no proxy, or none any more.
  void GiveUp();

  // Readable when the proxy asks; -1 without a proxy.
  int fd() const { return socket_.get(); }

  // Answers what is there.
  void Take();

 private:
  void Answer(const proxy::FromProxy& message);
  bool MayResolve(const proxy::NameQuestion& question);
  proxy::NameMapped MapAddresses(const proxy::NameAddresses& addresses);

  Network& network_;
  Judge& judge_;
  Serving& serving_;
  base::UniqueFd socket_;
};

}  // namespace aegis::gate
