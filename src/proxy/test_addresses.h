#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "proxy/ip_address.h"

// For tests only.
namespace aegis::proxy::testing_support {

// What `text` writes; no family if nothing does.
inline IpAddress Address(std::string_view text) {
  IpAddress address;
  const std::string terminated(text);
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
    address.family = Family::kIpv4;
  } else if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    address.family = Family::kIpv6;
  }
  return address;
}

}  // namespace aegis::proxy::testing_support
