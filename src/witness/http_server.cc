#include "witness/http_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "witness/http_message.h"
#include "witness/listen_address.h"

namespace aegis::witness {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using base::Errc;
using base::Fail;
using base::Result;
using boost::system::error_code;
using Request = http::request<http::string_body>;
using Answer = http::response<http::string_body>;

constexpr std::size_t kMaxHeader = std::size_t{8} << 10U;
constexpr int kBacklog = 128;
constexpr std::chrono::milliseconds kAcceptPause(100);
// What is being answered at the end has so long.
constexpr std::chrono::seconds kLastAnswers(2);

asio::redirect_error_t<asio::use_awaitable_t<>> Into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

Answer MakeAnswer(HttpReply reply, unsigned version, bool keep) {
  Answer answer(http::int_to_status(reply.status), version);
  answer.set(http::field::content_type, reply.content_type);
  answer.set("X-Content-Type-Options", "nosniff");
  answer.keep_alive(keep);
  answer.body() = std::move(reply.body);
  answer.prepare_payload();
  return answer;
}

// A connection as the server sees it: one of `all` as long as it lives.
struct Session {
  Session(tcp::socket socket, std::set<Session*>& sessions)
      : stream(std::move(socket)), all(sessions) {
    all.insert(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { all.erase(this); }

  beast::tcp_stream stream;
  bool answering = false;
  std::set<Session*>& all;
};

// Whether the client has said what is no request, or too long a one; else it was the network.
bool IsRefused(const error_code& error) {
  const auto& of_http = http::make_error_code(http::error::bad_method).category();
  return error.category() == of_http && error != http::error::end_of_stream &&
         error != http::error::partial_message;
}

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpServerOptions& options, Handler handler)
      : options_(options), handler_(std::move(handler)), address_(options.address) {}

  const ListenAddress& address() const override { return address_; }

  // Opens the socket itself: Asio's would not be close-on-exec.
  Result<> Open() {
    error_code error;
    const auto ip = asio::ip::make_address(address_.host, error);
    if (error) {
      return Fail(Errc::kInvalid, "listen on " + Url(address_) + ": " + error.message());
    }
    tcp::endpoint endpoint(ip, address_.port);
    base::UniqueFd fd(
        ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
    const int on = 1;
    if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (ip.is_v6() && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        ::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        ::listen(fd.get(), kBacklog) != 0) {
      return base::FailErrno("listen on " + Url(address_));
    }
    static_cast<void>(acceptor_.assign(endpoint.protocol(), fd.get(), error));
    if (error) {
      return Fail(Errc::kUnavailable, "listen on " + Url(address_) + ": " + error.message());
    }
    static_cast<void>(fd.Release());
    address_.port = acceptor_.local_endpoint(error).port();
    return {};
  }

  Result<> Run() override {
    try {
      asio::signal_set signals(io_);
      if (options_.stop_on_signals) {
        signals.add(SIGTERM);
        signals.add(SIGINT);
        signals.async_wait([this](const error_code& error, int) {
          if (!error) {
            End();
          }
        });
        signals_ = &signals;
      }
      asio::co_spawn(io_, Accept(), asio::detached);
      io_.run();
      signals_ = nullptr;
    } catch (const std::exception& error) {  // the library's exceptions end here
      return Fail(Errc::kUnavailable, std::string("serve: ") + error.what());
    }
    return {};
  }

  void Stop() override {
    asio::post(io_, [this] { End(); });
  }

 private:
  // On the server's thread: no more connections; those that wait for a request end.
  void End() {
    if (std::exchange(ending_, true)) {
      return;
    }
    error_code ignored;
    static_cast<void>(acceptor_.close(ignored));
    pause_.cancel();
    if (signals_ != nullptr) {
      static_cast<void>(signals_->cancel(ignored));
    }
    for (Session* session : sessions_) {
      if (!session->answering) {
        session->stream.cancel();
      }
    }
    if (!sessions_.empty()) {
      pause_.expires_after(kLastAnswers);
      pause_.async_wait([this](const error_code& /*error*/) {
        for (Session* session : sessions_) {
          session->stream.cancel();
        }
      });
    }
  }

  asio::awaitable<void> Accept() {
    while (!ending_) {
      error_code error;
      tcp::socket socket(io_);
      co_await acceptor_.async_accept(socket, Into(error));
      if (error == asio::error::operation_aborted || ending_) {
        co_return;
      }
      if (error) {
        // Out of descriptors, as a rule: connections that end bring some.
        pause_.expires_after(kAcceptPause);
        co_await pause_.async_wait(Into(error));
        continue;
      }
      ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
      if (sessions_.size() < options_.max_connections) {
        asio::co_spawn(io_, Serve(std::move(socket)), asio::detached);
      }
    }
  }

  // One connection, from its first request to its end. What goes wrong ends it and nothing else.
  asio::awaitable<void> Serve(tcp::socket socket) {
    error_code error;
    {
      Session session(std::move(socket), sessions_);
      beast::flat_buffer buffer(kMaxHeader + options_.max_body);
      for (bool keep = true; keep && !ending_ && !error;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(kMaxHeader);
        parser.body_limit(options_.max_body);
        session.stream.expires_after(options_.patience);
        co_await http::async_read(session.stream, buffer, parser, Into(error));
        if (ending_ || (error && !IsRefused(error))) {
          break;
        }
        const Answer answer = error ? Refuse(error) : Handle(parser.release());
        keep = answer.keep_alive();
        session.answering = true;
        session.stream.expires_after(options_.patience);
        co_await http::async_write(session.stream, answer, Into(error));
        session.answering = false;
      }
      static_cast<void>(session.stream.socket().shutdown(tcp::socket::shutdown_send, error));
    }
    if (ending_ && sessions_.empty()) {
      pause_.cancel();
    }
  }

  static Answer Refuse(const error_code& error) {
    const bool large = error == http::error::body_limit || error == http::error::header_limit ||
                       error == http::error::buffer_overflow;
    return MakeAnswer({.status = large ? 413U : 400U,
                       .content_type = "text/plain; charset=utf-8",
                       .body = error.message() + "\n"},
                      11, false);
  }

  Answer Handle(Request request) {
    const auto text = [](auto view) { return std::string(view.data(), view.size()); };
    const unsigned version = request.version();
    const bool keep = request.keep_alive();
    return MakeAnswer(handler_({.method = text(request.method_string()),
                                .path = text(request.target()),
                                .body = std::move(request.body())}),
                      version, keep);
  }

  HttpServerOptions options_;
  Handler handler_;
  ListenAddress address_;
  std::set<Session*> sessions_;  // outlives io_, which ends them
  bool ending_ = false;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer pause_{io_};  // before accepting again, and at the end for the last answers
  asio::signal_set* signals_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(const HttpServerOptions& options,
                                                       Handler handler) {
  try {
    auto server = std::make_unique<BeastServer>(options, std::move(handler));
    AEGIS_TRY(server->Open());
    return server;
  } catch (const std::exception& error) {  // the library's exceptions end here
    return Fail(Errc::kUnavailable, std::string("serve: ") + error.what());
  }
}

}  // namespace aegis::witness
