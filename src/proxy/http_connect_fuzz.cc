#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/host_name.h"
#include "proxy/host_port.h"
#include "proxy/http_connect.h"
#include "proxy/parsed.h"
#include "proxy/test_parsed.h"

namespace {

using aegis::proxy::ConnectRequest;
using aegis::proxy::HostPort;
using aegis::proxy::NeedMore;
using aegis::proxy::ParseConnectRequest;
using aegis::proxy::Refused;

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void CheckTarget(const HostPort& target) {
  Require(target.port != 0);
  Require(target.name.empty() == target.address.has_value());
  if (target.address) {
    return;
  }
  Require(aegis::proxy::IsHostName(target.name));
  const std::string again =
      "CONNECT " + target.name + ":" + std::to_string(target.port) + " HTTP/1.1\r\n\r\n";
  const auto parsed = ParseConnectRequest(aegis::proxy::testing_support::BytesOf(again));
  Require(std::get<ConnectRequest>(parsed).target == target);
}

}  // namespace

// What a client of the proxy's port sends: the answer does not depend on the splits, each refusal
// has a reply, and a target that is written again is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  Require(aegis::proxy::testing_support::IsSteady(bytes, ParseConnectRequest));
  const auto parsed = ParseConnectRequest(bytes);
  if (std::holds_alternative<NeedMore>(parsed)) {
    Require(size < aegis::proxy::kMostConnectBytes);
  } else if (const auto* refused = std::get_if<Refused>(&parsed)) {
    Require(!refused->reason.empty() && !refused->reply.empty());
  } else {
    const auto& request = std::get<ConnectRequest>(parsed);
    Require(request.size <= size);
    Require(aegis::proxy::AsText(bytes.first(request.size)).ends_with("\r\n\r\n"));
    CheckTarget(request.target);
  }
  return 0;
}
