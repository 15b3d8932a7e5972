#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/protocol.h"

// The proxy is a process of its own in the host's network, with no right over files and processes:
// Aegis' own executable, started under another name.
namespace aegis::proxy {

// The name by which the executable is asked for the stage (argv[0]).
inline constexpr std::string_view kProxyName = "aegis-proxy";

// How to start the proxy: a program that calls RunProxyStage(), and its words from argv[0].
struct ProxyProgram {
  std::string program;
  std::vector<std::string> argv;
};

// The proxy as its parent sees it. Killed and reaped at the latest when this goes; it ends by
// itself when nobody holds the other end of its socket any more.
class ProxyProcess {
 public:
  ProxyProcess(base::UniqueFd pidfd, base::UniqueFd socket);
  ProxyProcess(ProxyProcess&&) noexcept = default;
  ProxyProcess& operator=(ProxyProcess&&) = delete;
  ProxyProcess(const ProxyProcess&) = delete;
  ProxyProcess& operator=(const ProxyProcess&) = delete;
  ~ProxyProcess();

  // The supervisor's end of the protocol (protocol.h).
  int socket() const { return socket_.get(); }
  // For who hands it on: nobody else may keep a copy.
  base::UniqueFd TakeSocket() { return std::move(socket_); }
  int pidfd() const { return pidfd_.get(); }

 private:
  base::UniqueFd pidfd_;
  base::UniqueFd socket_;
};

// Starts the proxy in the caller's network namespace, in a session of its own, without environment
// and with standard descriptors that lead nowhere. It waits for SendStart().
base::Result<ProxyProcess> StartProxy(const ProxyProgram& program);

// The first message of the supervisor, with its sockets. The proxy answers Ready or Failed; after
// Failed, or the end of its socket, there is no proxy any more.
base::Result<> SendStart(int socket, const Start& start, std::span<const int> sockets);

struct StageOptions {
  std::string servers{};  // CaresOptions::servers, for tests
};

// The proxy's side: waits for the start on `supervisor`, reads how names are resolved, confines
// itself, says Ready and serves until nobody holds the other end; the exit code. What fails is said
// there (Failed), and the proxy ends: there is no way to serve unconfined. Takes hold of the whole
// process: limits, descriptors from 3 on, signals.
int RunProxyStage(int supervisor, const StageOptions& options = {});

}  // namespace aegis::proxy
