#pragma once

#include <expected>
#include <string_view>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"

// Heads of HTTP/1 responses, as far as framing goes (RFC 9112, sections 4 and 6).
namespace aegis::proxy {

struct Http1Response {
  unsigned status = 0;
  Http1Framing framing{};
  bool last = false;  // the connection has no further response
};

// `head` is what Http1LineFinder found: with its empty line. `method` is that of the request it
// answers. 101 has no body here: what follows is not HTTP.
std::expected<Http1Response, Http1Fault> ParseHttp1Response(std::string_view head,
                                                            std::string_view method);

}  // namespace aegis::proxy
