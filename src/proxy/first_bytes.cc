#include "proxy/first_bytes.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/client_hello.h"
#include "proxy/http1_request.h"
#include "proxy/parsed.h"
#include "proxy/protocol.h"

namespace aegis::proxy {
namespace {

using Meaning = FirstBytes::Meaning;

FirstBytes Object(Objection objection, std::string_view seen = {}) {
  return {.meaning = Meaning::kObjection, .objection = objection, .seen = std::string(seen)};
}

FirstBytes ReadTls(std::span<const std::uint8_t> bytes, std::string_view name) {
  const Parsed<ClientHello> parsed = ParseClientHello(bytes);
  if (const auto* const refused = std::get_if<Refused>(&parsed)) {
    return Object(Objection::kMalformed, refused->reason);
  }
  const auto* const hello = std::get_if<ClientHello>(&parsed);
  if (hello == nullptr) {
    return {};
  }
  if (hello->encrypted) {
    return Object(Objection::kHiddenName);
  }
  if (!hello->server_name) {
    return Object(Objection::kNoName);
  }
  return *hello->server_name == name ? FirstBytes{.meaning = Meaning::kTls}
                                     : Object(Objection::kOtherName, *hello->server_name);
}

std::string_view Alert(Objection objection) {
  constexpr std::string_view kUnrecognizedName("\x15\x03\x03\x00\x02\x02\x70", 7);
  constexpr std::string_view kAccessDenied("\x15\x03\x03\x00\x02\x02\x31", 7);
  return objection == Objection::kOtherName ? kUnrecognizedName : kAccessDenied;
}

std::string Explain(const ConnectionRefused& refused) {
  switch (refused.objection) {
    case Objection::kOtherName:
      return "it asks for " + refused.seen;
    case Objection::kMalformed:
      return "it can't be read in one way only: " + refused.seen;
    case Objection::kNoName:
    case Objection::kHiddenName:
    case Objection::kOtherProtocol:
      break;
  }
  return "it does not say for which host it is";
}

}  // namespace

FirstBytes ReadFirstBytes(std::span<const std::uint8_t> bytes, std::string_view name) {
  const TlsStart tls = LooksLikeTls(bytes);
  if (tls == TlsStart::kYes) {
    return ReadTls(bytes, name);
  }
  const Http1Look http = LooksLikeHttp1(bytes);
  if (http == Http1Look::kYes) {
    return {.meaning = Meaning::kHttp};
  }
  if (tls == TlsStart::kNeedMore || http == Http1Look::kNeedsMore) {
    return {};
  }
  return Object(Objection::kOtherProtocol);
}

std::string HttpRefusal(const ConnectionRefused& refused, std::string_view name) {
  std::string body = "Aegis refused this request. The connection is permitted for ";
  body.append(name).append(" alone, and ").append(Explain(refused)).append(".\n");
  std::string response = refused.objection == Objection::kMalformed ? "HTTP/1.1 400 Bad Request\r\n"
                                                                    : "HTTP/1.1 403 Forbidden\r\n";
  response.append("Content-Type: text/plain; charset=utf-8\r\nContent-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\nConnection: close\r\n\r\n")
      .append(body);
  return response;
}

std::string RefusalFor(std::span<const std::uint8_t> bytes, const ConnectionRefused& refused,
                       std::string_view name) {
  if (LooksLikeTls(bytes) == TlsStart::kYes) {
    return std::string(Alert(refused.objection));
  }
  return LooksLikeHttp1(bytes) == Http1Look::kYes ? HttpRefusal(refused, name) : std::string();
}

}  // namespace aegis::proxy
