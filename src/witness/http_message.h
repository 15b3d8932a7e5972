#pragma once

#include <string>

namespace aegis::witness {

// What matters of an HTTP request and of the answer to it.
struct HttpRequest {
  std::string method{};
  std::string path{};  // as sent, a query included
  std::string body{};
};

struct HttpReply {
  unsigned status = 0;
  std::string content_type{};
  std::string body{};

  friend bool operator==(const HttpReply&, const HttpReply&) = default;
};

}  // namespace aegis::witness
