#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "base/result.h"
#include "witness/http_message.h"
#include "witness/listen_address.h"

namespace aegis::witness {

struct HttpServerOptions {
  ListenAddress address{.host = "127.0.0.1", .port = 0};
  std::size_t max_connections = 64;  // more are closed as they come
  std::size_t max_body = std::size_t{64} << 10U;
  // A connection has so long to bring a whole request, and as long again to take the answer.
  std::chrono::milliseconds patience = std::chrono::seconds(10);
  bool stop_on_signals = false;  // SIGTERM and SIGINT end Run
};

// A small HTTP/1.1 server on one thread: requests are handled one after the other, connections wait
// for slow clients side by side. No TLS: a proxy in front brings it.
class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  // Listens already when this returns. kUnavailable, or as the system says, if it can't.
  static base::Result<std::unique_ptr<HttpServer>> Listen(const HttpServerOptions& options,
                                                          Handler handler);
  HttpServer() = default;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  virtual ~HttpServer() = default;

  // Where it listens, with the port that the system has chosen.
  virtual const ListenAddress& address() const = 0;

  // Serves until stopped; what was handled is answered before this returns. Once.
  virtual base::Result<> Run() = 0;
  // Any thread.
  virtual void Stop() = 0;
};

}  // namespace aegis::witness
