#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "proxy/resolver.h"

struct ares_channeldata;
struct ares_addrinfo;  // NOLINT(readability-identifier-naming): so c-ares calls it

namespace aegis::proxy {

struct CaresOptions {
  std::string servers{};  // "HOST:PORT,..." instead of resolv.conf's
  std::chrono::milliseconds first_try{
      1'500};                        // how long a server gets; twice that when asked again
  std::size_t most_lookups = 1'024;  // under way at a time; more fail at once
};

// The system's configuration (resolv.conf, nsswitch.conf, /etc/hosts), without search domains and
// aliases, by c-ares.
class CaresResolver final : public Resolver {
 public:
  // Reads the configuration: afterwards no file but /etc/hosts is needed, which is read at each
  // lookup.
  static base::Result<std::unique_ptr<CaresResolver>> Create(const CaresOptions& options = {});

  ~CaresResolver() override;

  void Resolve(const std::string& name, Family family, Done done) override;
  void AddPolls(std::vector<pollfd>& polls) const override;
  std::optional<std::chrono::milliseconds> Timeout() const override;
  void Process(std::span<const pollfd> polls) override;

 private:
  struct Lookup;
  struct Finisher {
    void operator()(ares_channeldata* channel) const;
  };

  explicit CaresResolver(std::size_t most_lookups) : most_lookups_(most_lookups) {}
  base::Result<> Open(const CaresOptions& options);

  // c-ares tells them; `self` is the resolver, `lookup` what Resolve() made.
  static void WhenSocketChanges(void* self, int fd, int readable, int writable);
  static void WhenLookedUp(void* lookup, int status, int timeouts, ares_addrinfo* found);

  std::size_t most_lookups_;
  std::size_t lookups_ = 0;
  bool closing_ = false;
  std::map<int, short> sockets_;  // what c-ares waits for
  std::unique_ptr<ares_channeldata, Finisher> channel_;
};

}  // namespace aegis::proxy
