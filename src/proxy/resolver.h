#pragma once

#include <poll.h>

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proxy/ip_address.h"

namespace aegis::proxy {

// What a lookup came to.
struct Resolution {
  enum class Outcome {
    kFound,      // `addresses` holds at least one, at most kMostAddresses
    kNoAddress,  // the name exists, without an address of the family
    kNoName,     // it does not exist
    kFailed,     // nobody could say
  };
  Outcome outcome = Outcome::kFailed;
  std::vector<IpAddress> addresses{};
};

// Looks names up without waiting: a part of its owner's poll loop. One thread.
class Resolver {
 public:
  using Done = std::function<void(Resolution)>;

  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;

  // Calls `done` once: now, or out of Process(). Not after the resolver's end. `name` is a host's
  // name (IsHostName), and no other is looked up instead.
  virtual void Resolve(const std::string& name, Family family, Done done) = 0;

  // What to wait for, and at most how long (nothing: as long as it takes).
  virtual void AddPolls(std::vector<pollfd>& polls) const = 0;
  virtual std::optional<std::chrono::milliseconds> Timeout() const = 0;
  // After each wait, with the entries that AddPolls() added.
  virtual void Process(std::span<const pollfd> polls) = 0;
};

}  // namespace aegis::proxy
