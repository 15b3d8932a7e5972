#include "proxy/stage.h"

#include <fcntl.h>
#include <signal.h>  // SIGPIPE
#include <unistd.h>

#include <cstddef>
#include <cstdint>
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
#include "proxy/inside_sockets.h"
#include "proxy/name_server.h"
#include "proxy/outbox.h"
#include "proxy/protocol.h"
#include "proxy/published_ports.h"
#include "proxy/relay.h"
#include "proxy/server.h"
#include "sandbox/uapi.h"

namespace aegis::proxy {
namespace {

struct Received {
  Start start{};
  std::vector<base::UniqueFd> sockets{};
};

base::Result<Received> ReceiveStart(int supervisor) {
  AEGIS_ASSIGN(auto received, ReceiveWithDescriptors(supervisor));
  if (!received) {
    return base::Fail(base::Errc::kUnavailable, "start the proxy: nobody is there");
  }
  AEGIS_ASSIGN(const FromSupervisor message, DecodeFromSupervisor(received->packet));
  const auto* const start = std::get_if<Start>(&message);
  if (start == nullptr || start->sockets() != received->descriptors.size()) {
    return base::Fail(base::Errc::kInvalid, "start the proxy: not a proper start");
  }
  return Received{.start = *start, .sockets = std::move(received->descriptors)};
}

void SetNonBlocking(const base::UniqueFd& socket) {
  static_cast<void>(::fcntl(socket.get(), F_SETFL, O_RDWR | O_NONBLOCK));
}

// Takes the sockets of a family off the end.
InsideSockets::Source TakeSource(std::vector<base::UniqueFd>& sockets, std::uint16_t port) {
  InsideSockets::Source source{.meeting_port = port};
  if (port != 0) {
    source.seed = std::move(sockets.back());
    sockets.pop_back();
    source.listener = std::move(sockets.back());
    sockets.pop_back();
    SetNonBlocking(source.seed);
    SetNonBlocking(source.listener);
  }
  return source;
}

// Takes the listeners off the end.
std::vector<PublishedPorts::Port> TakePublished(std::vector<base::UniqueFd>& sockets,
                                                const std::vector<std::uint16_t>& inside) {
  std::vector<PublishedPorts::Port> ports;
  const std::size_t first = sockets.size() - inside.size();
  for (std::size_t i = 0; i < inside.size(); ++i) {
    SetNonBlocking(sockets[first + i]);
    ports.push_back({.listener = std::move(sockets[first + i]), .inside = inside[i]});
  }
  sockets.resize(first);
  return ports;
}

// Those that it binds: a socket that connects to a server inside has no port of its own yet.
std::vector<std::uint16_t> BoundPorts(const Start& start) {
  std::vector<std::uint16_t> ports = {start.meeting_port4, start.meeting_port6};
  std::erase(ports, 0);
  if (!start.published.empty()) {
    ports.push_back(0);
  }
  return ports;
}

// Each has two sockets, and a pipe of two ends for either direction while bytes wait. Where ports
// are published, those from outside and those to outside have half each: neither can use up what
// the others need.
std::size_t MostConnections(const Start& start) {
  constexpr std::size_t kOthers = 256;
  const std::size_t each = start.published.empty() ? 6 : 12;
  const std::size_t most = MostDescriptors();
  return most > kOthers ? (most - kOthers) / each : 0;
}

base::Result<> Serve(int supervisor, const StageOptions& options) {
  AEGIS_ASSIGN(Received received, ReceiveStart(supervisor));
  std::vector<PublishedPorts::Port> ports =
      TakePublished(received.sockets, received.start.published);
  InsideSockets::Source six = TakeSource(received.sockets, received.start.meeting_port6);
  InsideSockets::Source four = TakeSource(received.sockets, received.start.meeting_port4);
  AEGIS_ASSIGN(const std::unique_ptr<CaresResolver> resolver,
               CaresResolver::Create({.servers = options.servers}));
  if (::fcntl(supervisor, F_SETFL, O_NONBLOCK) != 0) {
    return base::FailErrno("set the supervisor's socket up");
  }
  Outbox outbox(supervisor);
  AEGIS_ASSIGN(const std::unique_ptr<Relay> relay,
               Relay::Create(InsideSockets(std::move(four), std::move(six)), outbox,
                             MostConnections(received.start)));
  AEGIS_ASSIGN(const std::unique_ptr<PublishedPorts> published,
               PublishedPorts::Create(std::move(ports), relay->inside(), outbox,
                                      MostConnections(received.start)));
  AEGIS_TRY(ConfineSelf(BoundPorts(received.start)));
  AEGIS_TRY(Send(supervisor, Encode(Ready{})));
  NameServer names(std::move(received.sockets), outbox, *resolver);
  return Server(supervisor, outbox, names, *relay, *published).Run();
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
