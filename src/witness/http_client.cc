#include "witness/http_client.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <exception>
#include <expected>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "witness/http_message.h"
#include "witness/resolver.h"
#include "witness/target.h"

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

constexpr unsigned kHttp11 = 11;

std::unexpected<base::Error> Failed(std::string_view attempted, const error_code& error) {
  return Fail(Errc::kUnavailable, std::string(attempted) + ": " + error.message());
}

asio::redirect_error_t<asio::use_awaitable_t<>> Into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

// A certificate that was refused is told by its reason, which the error of the handshake hides.
std::unexpected<base::Error> HandshakeFailed(SSL* ssl, const error_code& error) {
  const long verified = ::SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) {
    return Fail(Errc::kUnavailable, std::string("the server's certificate: ") +
                                        ::X509_verify_cert_error_string(verified));
  }
  return Failed("TLS handshake", error);
}

// A TCP connection, over TLS or not.
class Connection {
 public:
  using Tls = beast::ssl_stream<beast::tcp_stream>;

  Connection(asio::io_context& io, asio::ssl::context* tls, const HttpTarget& target)
      : target_(target) {
    if (tls == nullptr) {
      plain_.emplace(io);
    } else {
      tls_.emplace(io, *tls);
    }
  }

  beast::tcp_stream& tcp() { return plain_ ? *plain_ : beast::get_lowest_layer(*tls_); }

  // Whether the server has said something unasked, or closed: then no answer could be trusted to be
  // that to the next request.
  bool IsStale() {
    pollfd poll{.fd = tcp().socket().native_handle(), .events = POLLIN, .revents = 0};
    return buffer_.size() != 0 || ::poll(&poll, 1, 0) != 0;
  }

  asio::awaitable<Result<>> Connect(std::vector<SocketAddress> addresses, Deadline deadline,
                                    std::stop_token stop) {
    Result<> connected = Fail(Errc::kUnavailable, "connect: no address");
    for (std::size_t i = 0; i < addresses.size() && !connected && !stop.stop_requested(); ++i) {
      // Each address gets its share of what is left.
      const auto now = std::chrono::steady_clock::now();
      const auto share = (deadline - now) / static_cast<std::ptrdiff_t>(addresses.size() - i);
      connected = co_await ConnectTo(addresses[i], now + share);
    }
    tcp().expires_at(deadline);
    if (!connected || !tls_) {
      co_return connected;
    }
    co_return co_await Handshake();
  }

  asio::awaitable<Result<HttpReply>> Exchange(http::request<http::string_body> request,
                                              Deadline deadline) {
    tcp().expires_at(deadline);
    if (plain_) {
      co_return co_await ExchangeOver(&*plain_, std::move(request));
    }
    co_return co_await ExchangeOver(&*tls_, std::move(request));
  }

  bool may_be_kept() const { return may_be_kept_; }

 private:
  asio::awaitable<Result<>> ConnectTo(SocketAddress address, Deadline deadline) {
    tcp::endpoint endpoint;
    endpoint.resize(address.length);
    std::memcpy(endpoint.data(), &address.storage, address.length);
    // Asio's own sockets would not be close-on-exec.
    base::UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
      co_return base::FailErrno("socket");
    }
    error_code error;
    static_cast<void>(tcp().socket().close(error));
    static_cast<void>(tcp().socket().assign(endpoint.protocol(), fd.get(), error));
    if (error) {
      co_return Failed("socket", error);
    }
    static_cast<void>(fd.Release());
    tcp().expires_at(deadline);
    co_await tcp().async_connect(endpoint, Into(error));
    if (error) {
      co_return Failed("connect", error);
    }
    static_cast<void>(tcp().socket().set_option(tcp::no_delay(true), error));
    co_return Result<>();
  }

  asio::awaitable<Result<>> Handshake() {
    SSL* const ssl = tls_->native_handle();
    error_code error;
    // An address is no server name (RFC 6066).
    asio::ip::make_address(target_.host, error);
    std::string name = target_.host;
    // The macro for this has a C cast.
    if (error && ::SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                            name.data()) != 1) {
      co_return Fail(Errc::kInternal, "TLS: the server's name can't be set");
    }
    tls_->set_verify_callback(asio::ssl::host_name_verification(target_.host), error);
    if (error) {
      co_return Failed("TLS", error);
    }
    co_await tls_->async_handshake(asio::ssl::stream_base::client, Into(error));
    if (error) {
      co_return HandshakeFailed(ssl, error);
    }
    co_return Result<>();
  }

  template <typename Stream>
  asio::awaitable<Result<HttpReply>> ExchangeOver(Stream* stream,
                                                  http::request<http::string_body> request) {
    may_be_kept_ = false;
    error_code error;
    co_await http::async_write(*stream, request, Into(error));
    if (error) {
      co_return Failed("send the request", error);
    }
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxReplyHeader);
    parser.body_limit(kMaxReplyBody);
    co_await http::async_read(*stream, buffer_, parser, Into(error));
    if (error) {
      co_return Failed("read the answer", error);
    }
    http::response<http::string_body> answer = parser.release();
    may_be_kept_ = answer.keep_alive() && !answer.need_eof();
    const auto type = answer[http::field::content_type];
    co_return HttpReply{.status = answer.result_int(),
                        .content_type = std::string(type.data(), type.size()),
                        .body = std::move(answer.body())};
  }

  const HttpTarget& target_;
  std::optional<beast::tcp_stream> plain_;
  std::optional<Tls> tls_;
  beast::flat_buffer buffer_{kMaxReplyHeader + kMaxReplyBody};
  bool may_be_kept_ = false;
};

class BeastClient final : public HttpClient {
 public:
  BeastClient(HttpTarget target, std::optional<asio::ssl::context> tls, Resolver resolver)
      : target_(std::move(target)), tls_(std::move(tls)), resolver_(std::move(resolver)) {}

  Result<HttpReply> Post(std::string_view path, std::string body, Deadline deadline,
                         const std::stop_token& stop) override {
    try {
      auto reply = Ask(MakeRequest(path, std::move(body)), deadline, stop);
      if (!reply || !connection_->may_be_kept()) {
        connection_.reset();
      }
      return reply;
    } catch (const std::exception& error) {  // the library's exceptions end here
      connection_.reset();
      return Fail(Errc::kUnavailable, error.what());
    }
  }

 private:
  using Request = http::request<http::string_body>;

  Request MakeRequest(std::string_view path, std::string body) const {
    Request request(http::verb::post, target_.prefix + std::string(path), kHttp11, std::move(body));
    request.set(http::field::host, Authority(target_));
    request.set(http::field::user_agent, "aegis");
    request.set(http::field::content_type, "text/plain; charset=utf-8");
    request.prepare_payload();
    return request;
  }

  Result<HttpReply> Ask(const Request& request, Deadline deadline, const std::stop_token& stop) {
    if (connection_ != nullptr && !connection_->IsStale()) {
      auto reply = Run(connection_->Exchange(request, deadline), stop);
      if (reply || std::chrono::steady_clock::now() >= deadline || stop.stop_requested()) {
        return reply;
      }
      // The server may have closed the connection that moment; asking again changes nothing there.
    }
    AEGIS_ASSIGN(auto addresses, resolver_.Resolve(target_.host, target_.port, deadline, stop));
    connection_ = std::make_unique<Connection>(io_, tls_ ? &*tls_ : nullptr, target_);
    AEGIS_TRY(Run(connection_->Connect(std::move(addresses), deadline, stop), stop));
    return Run(connection_->Exchange(request, deadline), stop);
  }

  // Runs to the end, which its own deadline or a stop brings about.
  template <typename T>
  Result<T> Run(asio::awaitable<Result<T>> work, const std::stop_token& stop) {
    Result<T> result = Fail(Errc::kInternal, "it did not end");
    std::exception_ptr thrown;
    asio::co_spawn(io_, std::move(work), [&](std::exception_ptr exception, Result<T> done) {
      thrown = std::move(exception);
      result = std::move(done);
    });
    {
      const std::stop_callback cancel(
          stop, [this] { asio::post(io_, [this] { connection_->tcp().close(); }); });
      io_.restart();
      io_.run();
    }
    io_.restart();
    io_.poll();  // a stop that came at the end
    if (thrown) {
      std::rethrow_exception(thrown);
    }
    return result;
  }

  HttpTarget target_;
  asio::io_context io_{1};
  std::optional<asio::ssl::context> tls_;
  Resolver resolver_;
  std::unique_ptr<Connection> connection_;
};

Result<asio::ssl::context> MakeTls(const std::string& ca_file) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  error_code error;
  if (SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION) != 1) {
    return Fail(Errc::kInternal, "TLS: no version 1.2");
  }
  static_cast<void>(tls.set_verify_mode(asio::ssl::verify_peer, error));
  if (!error && ca_file.empty()) {
    static_cast<void>(tls.set_default_verify_paths(error));
  } else if (!error) {
    static_cast<void>(tls.load_verify_file(ca_file, error));
  }
  if (error) {
    return Fail(Errc::kInvalid,
                "certificate authorities " + base::EscapeName(ca_file) + ": " + error.message());
  }
  return tls;
}

}  // namespace

Result<std::unique_ptr<HttpClient>> MakeHttpClient(const HttpTarget& target,
                                                   const std::string& ca_file, Resolver resolver) {
  try {
    std::optional<asio::ssl::context> tls;
    if (target.tls) {
      AEGIS_ASSIGN(tls, MakeTls(ca_file));
    }
    return std::make_unique<BeastClient>(target, std::move(tls), std::move(resolver));
  } catch (const std::exception& error) {  // the library's exceptions end here
    return Fail(Errc::kUnavailable, error.what());
  }
}

}  // namespace aegis::witness
