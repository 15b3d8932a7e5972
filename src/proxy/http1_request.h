#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http1_authority.h"
#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"

// Heads of HTTP/1 requests: what is asked of whom, and how the body that follows is framed (RFC
// 9112, sections 3 and 6; RFC 9110, sections 7.2 and 7.8). Pure functions over bytes that the agent
// chose; what two recipients could read in two ways is a fault.
namespace aegis::proxy {

struct Http1Request {
  std::string method{};  // as it came: methods have case
  std::string target{};  // as it came; printable ASCII
  std::string path{};    // of the target, without its query; as it came; "*" of OPTIONS *
  Http1Authority authority{};
  std::string upgrade{};  // the protocols that it asks to go on with; "" if it asks for none
  Http1Framing framing{};
  bool expects_continue = false;  // its body is for after the response 100
  bool last = false;              // the connection has no further request
};

// `head` is what Http1LineFinder found: with its empty line.
std::expected<Http1Request, Http1Fault> ParseHttp1Request(std::string_view head);

// Whether what a client sends first is HTTP/1: a method and a space. Sure of it or not within 33
// bytes. TLS never is, nor is SSH, whose first line would do. HTTP/2 looks like HTTP/1 by design
// (RFC 9113, section 3.4) and is refused as a request.
enum class Http1Look { kNeedsMore, kYes, kNo };
Http1Look LooksLikeHttp1(std::span<const std::uint8_t> first_bytes);

}  // namespace aegis::proxy
