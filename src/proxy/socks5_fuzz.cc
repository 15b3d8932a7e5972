#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <variant>

#include "proxy/host_name.h"
#include "proxy/host_port.h"
#include "proxy/parsed.h"
#include "proxy/socks5.h"
#include "proxy/test_parsed.h"

namespace {

using aegis::proxy::HostPort;
using aegis::proxy::NeedMore;
using aegis::proxy::Parsed;
using aegis::proxy::SocksGreeting;
using aegis::proxy::SocksRequest;

// A greeting, credentials or a request is at most 513 bytes.
constexpr std::size_t kMost = 513;

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// The bytes that the reader took; 0 if it took none.
template <class T>
std::size_t Check(std::span<const std::uint8_t> bytes,
                  Parsed<T> (*parse)(std::span<const std::uint8_t>)) {
  Require(aegis::proxy::testing_support::IsSteady(bytes, parse));
  const Parsed<T> parsed = parse(bytes);
  Require(!std::holds_alternative<NeedMore>(parsed) || bytes.size() < kMost);
  const auto* taken = std::get_if<T>(&parsed);
  if (taken == nullptr) {
    return 0;
  }
  Require(taken->size != 0 && taken->size <= bytes.size());
  return taken->size;
}

void CheckTarget(const HostPort& target) {
  Require(target.port != 0);
  Require(target.name.empty() == target.address.has_value());
  Require(target.address || aegis::proxy::IsHostName(target.name));
}

}  // namespace

// What a client of the SOCKS port sends: each reader in its turn, whatever the splits, and the
// target has one form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> bytes(data, size);
  static_cast<void>(Check(bytes, aegis::proxy::ParseSocksCredentials));
  const std::size_t greeting = Check(bytes, aegis::proxy::ParseSocksGreeting);
  if (greeting != 0) {
    const auto parsed = aegis::proxy::ParseSocksGreeting(bytes);
    bytes = bytes.subspan(greeting);
    if (std::get<SocksGreeting>(parsed).method == aegis::proxy::SocksMethod::kPassword) {
      bytes = bytes.subspan(Check(bytes, aegis::proxy::ParseSocksCredentials));
    }
  }
  if (Check(bytes, aegis::proxy::ParseSocksRequest) != 0) {
    CheckTarget(std::get<SocksRequest>(aegis::proxy::ParseSocksRequest(bytes)).target);
  }
  return 0;
}
