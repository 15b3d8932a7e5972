#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/client_hello.h"
#include "proxy/host_name.h"
#include "proxy/parsed.h"
#include "proxy/test_client_hello.h"
#include "proxy/test_parsed.h"

namespace {

using aegis::proxy::Bytes;
using aegis::proxy::ClientHello;
using aegis::proxy::NeedMore;
using aegis::proxy::ParseClientHello;
using aegis::proxy::Parsed;

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// What records hold, of those that are known to be whole.
Bytes Unwrapped(std::span<const std::uint8_t> records) {
  Bytes message;
  while (!records.empty()) {
    const std::size_t length = std::size_t{records[3]} * 256 + records[4];
    const auto fragment = records.subspan(5, length);
    message.insert(message.end(), fragment.begin(), fragment.end());
    records = records.subspan(5 + length);
  }
  return message;
}

}  // namespace

// What the agent sends to a server: the answer does not depend on how it comes, be it split into
// segments or into records, and the name is a host's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  Require(aegis::proxy::testing_support::IsSteady(bytes, ParseClientHello));
  const auto parsed = ParseClientHello(bytes);
  Require(!std::holds_alternative<NeedMore>(parsed) || size < aegis::proxy::kMostHelloBytes);
  const auto* hello = std::get_if<ClientHello>(&parsed);
  if (hello == nullptr) {
    return 0;
  }
  Require(aegis::proxy::LooksLikeTls(bytes) == aegis::proxy::TlsStart::kYes);
  Require(!hello->server_name || aegis::proxy::IsHostName(*hello->server_name));
  Require(hello->size <= size);
  Require(std::holds_alternative<NeedMore>(ParseClientHello(bytes.first(hello->size - 1))));
  const Bytes wrapped =
      aegis::proxy::testing_support::Records(Unwrapped(bytes.first(hello->size)), 16 + size % 512);
  ClientHello same = *hello;
  same.size = wrapped.size();
  Require(ParseClientHello(wrapped) == Parsed<ClientHello>(same));
  return 0;
}
