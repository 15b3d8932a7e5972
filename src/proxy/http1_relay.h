#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>

#include "proxy/http1_body.h"
#include "proxy/http1_fault.h"
#include "proxy/http1_lines.h"
#include "proxy/http1_request.h"
#include "proxy/http1_response.h"

namespace aegis::proxy {

// Requests that may have been passed on and not answered.
inline constexpr std::size_t kMostHttp1Exchanges = 64;

enum class Http1Action : std::uint8_t {
  kPass,      // `bytes` of them, from the front, may be passed on unchanged; never 0
  kNeedMore,  // nothing can be said until more bytes come
  kJudge,     // the first `bytes` are a request's head: Http1Relay::request()
  kWait,      // nothing can be said until the server has said more
  kEnded,     // nothing of this direction is passed on any more; the other one may go on
  kRefused,   // nothing is passed on any more, in neither direction: `fault` says why
};

struct Http1Step {
  Http1Action action = Http1Action::kNeedMore;
  std::size_t bytes = 0;
  Http1Fault fault = Http1Fault::kNone;

  bool operator==(const Http1Step&) const = default;
};

// Follows one HTTP/1 connection between a client and a server, so that each request is seen before
// a byte of it is passed on, and no byte is taken for something else by either end (RFC 9112,
// sections 6, 9 and 11.2). Knows no sockets and no time. Not thread-safe.
//
// A direction is given the bytes that it has not passed on yet, from the first of them: the same
// ones as before, and what came since. After kPass the caller passes on `bytes` of them, or what
// it has made of them, and asks again with the rest. How the bytes are cut into calls makes no
// difference to what is passed, judged and refused.
//
// When one end closes its direction, what the other end has not been passed is incomplete and is
// dropped; there is nothing to tell the relay of it.
class Http1Relay {
 public:
  Http1Step FromClient(std::span<const std::uint8_t> bytes);
  Http1Step FromServer(std::span<const std::uint8_t> bytes);

  // After kJudge: the request that waits for its verdict.
  const Http1Request& request() const { return request_; }

  // The request may be passed on. The next kPass of the client covers its head and nothing else.
  // Nothing if no request waits, as after a refusal that came in the meantime. Who does not permit
  // it closes the connection, perhaps after the answers to requests before.
  void Permit();

  // Whether every request that was passed on has its final response, whole.
  bool idle() const {
    return exchanges_.empty() && (server_ == Server::kHead || server_ == Server::kEnded);
  }

 private:
  enum class Client : std::uint8_t {
    kHead,
    kJudged,     // a head waits for its verdict
    kPermitted,  // a head is being passed on
    kBody,
    kContinue,  // the body waits for the response 100
    kUpgrade,   // whatever comes next waits for the final response
    kOpaque,
    kEnded
  };
  enum class Server : std::uint8_t { kHead, kBody, kOpaque, kEnded };

  // A request that was passed on and has no final response yet.
  struct Exchange {
    std::string method{};
    bool upgrade = false;
  };

  Http1Step Refuse(Http1Fault fault);
  Http1Step TakeRequestHead(std::span<const std::uint8_t> bytes);
  Http1Step PassRequestHead(std::span<const std::uint8_t> bytes);
  Http1Step PassRequestBody(std::span<const std::uint8_t> bytes);
  void EndRequest();
  Http1Step PassResponseHead(std::span<const std::uint8_t> bytes);
  Http1Step PassResponseBody(std::span<const std::uint8_t> bytes);
  void TakeInterim(unsigned status);
  void TakeFinal(const Http1Response& response);
  void EndResponse();
  void EndRequests();

  Http1Fault fault_ = Http1Fault::kNone;
  // INVARIANT: only the last one asks for an upgrade, for nothing follows it.
  std::deque<Exchange> exchanges_;

  Client client_ = Client::kHead;
  Http1LineFinder client_lines_;
  Http1Request request_;
  std::size_t head_left_ = 0;  // of the request's head, in kJudged and kPermitted
  Http1Body client_body_;
  bool no_more_requests_ = false;

  Server server_ = Server::kHead;
  Http1LineFinder server_lines_;
  Http1Body server_body_{{}, Http1Body::Sender::kServer};
  bool no_more_responses_ = false;
};

}  // namespace aegis::proxy
