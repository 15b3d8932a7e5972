#pragma once

#include "gate/judge.h"
#include "gate/network.h"
#include "proxy/proxy.h"

namespace aegis::gate {

// Which names may be looked up, and the addresses that stand for them inside. The receive loop's,
// or who holds it still.
class NameQuestions {
 public:
  NameQuestions(Network& network, Judge& judge) : network_(network), judge_(judge) {}

  // A name that no rule could permit is refused, and recorded, before anybody outside hears of it:
  // the question itself could carry what must not leave. One that some rule could permit is judged
  // when it is connected to.
  bool MayResolve(const proxy::NameQuestion& question);

  proxy::NameMapped Map(const proxy::NameAddresses& addresses);

 private:
  Network& network_;
  Judge& judge_;
};

}  // namespace aegis::gate
