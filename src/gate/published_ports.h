#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "policy/host_name.h"

namespace aegis::gate {

// A port of the machine that leads to a port of the run's loopback.
struct PublishedPort {
  policy::Address address{};    // where the machine listens
  std::uint16_t host_port = 0;  // 0: one of the kernel's choice
  std::uint16_t port = 0;       // inside; not 0
};

// "127.0.0.1:8080:3000", "[::1]:8080:3000".
std::string TextOf(const PublishedPort& published);

struct OpenPort {
  PublishedPort where{};      // its host_port is never 0
  base::UniqueFd listener{};  // TCP; does not block
};

// Listens at each of them, or at none. The error says which it was: kExists, the port is taken;
// kDenied, the caller may not have it.
base::Result<std::vector<OpenPort>> OpenPublishedPorts(std::span<const PublishedPort> ports);

}  // namespace aegis::gate
