#include "proxy/stage.h"

#include <fcntl.h>
#include <signal.h>  // SIGPIPE
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/cares_resolver.h"
#include "proxy/channel.h"
#include "proxy/confine.h"
#include "proxy/name_server.h"
#include "proxy/protocol.h"
#include "sandbox/uapi.h"

namespace aegis::proxy {
namespace {

base::Result<std::vector<base::UniqueFd>> ReceiveStart(int supervisor) {
  AEGIS_ASSIGN(PacketWithDescriptors received, ReceiveWithDescriptors(supervisor));
  AEGIS_ASSIGN(const FromSupervisor message, DecodeFromSupervisor(received.packet));
  const auto* const start = std::get_if<Start>(&message);
  if (start == nullptr || start->sockets != received.descriptors.size()) {
    return base::Fail(base::Errc::kInvalid, "start the proxy: not a proper start");
  }
  return std::move(received.descriptors);
}

base::Result<> Serve(int supervisor, const StageOptions& options) {
  AEGIS_ASSIGN(std::vector<base::UniqueFd> sockets, ReceiveStart(supervisor));
  AEGIS_ASSIGN(const std::unique_ptr<CaresResolver> resolver,
               CaresResolver::Create({.servers = options.servers}));
  if (::fcntl(supervisor, F_SETFL, O_NONBLOCK) != 0) {
    return base::FailErrno("set the supervisor's socket up");
  }
  AEGIS_TRY(ConfineSelf());
  AEGIS_TRY(Send(supervisor, Encode(Ready{})));
  return NameServer(std::move(sockets), supervisor, *resolver).Run();
}

}  // namespace

int RunProxyStage(int supervisor, const StageOptions& options) {
  // c-ares writes to sockets that may be closed. What else the parent ignored or blocked is set
  // back where the proxy is started.
  ::signal(SIGPIPE, SIG_IGN);
  if (sandbox::uapi::CloseRange(STDERR_FILENO + 1U, ~0U, 0) != 0) {
    return 1;
  }
  const auto served = Serve(supervisor, options);
  if (!served) {
    // Nobody may be there to hear it.
    static_cast<void>(Send(supervisor, Encode(FailureOf(served.error().message()))));
    return 1;
  }
  return 0;
}

}  // namespace aegis::proxy
