#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "witness/http_message.h"
#include "witness/resolver.h"
#include "witness/target.h"

namespace aegis::witness {

using Deadline = std::chrono::steady_clock::time_point;

// Limits of an answer: more is an error.
inline constexpr std::size_t kMaxReplyHeader = std::size_t{8} << 10U;
inline constexpr std::size_t kMaxReplyBody = std::size_t{64} << 10U;

// Asks one HTTP server. One thread at a time.
class HttpClient {
 public:
  HttpClient() = default;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  virtual ~HttpClient() = default;

  // Posts to a path below the target's prefix and gives the answer, whatever its status; redirects
  // are not followed. kUnavailable, with the cause, if there is none until the deadline, or when
  // `stop` is requested.
  virtual base::Result<HttpReply> Post(std::string_view path, std::string body, Deadline deadline,
                                       const std::stop_token& stop) = 0;
};

// A client that keeps its connection, and makes a new one where the server has closed it. Over TLS
// (1.2 or later) the server must have a certificate for its name that a known authority vouches
// for: those of the system, or only those in `ca_file` (PEM) unless it is empty. Variables that
// name proxies have no effect. Nothing is connected yet; kInvalid if `ca_file` can't be used.
base::Result<std::unique_ptr<HttpClient>> MakeHttpClient(const HttpTarget& target,
                                                         const std::string& ca_file,
                                                         Resolver resolver = Resolver());

}  // namespace aegis::witness
