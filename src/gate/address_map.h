#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "gate/inet_address.h"

namespace aegis::gate {

// What an address inside stands for: one of the addresses that a name had when it was looked up.
struct NamedAddress {
  std::string name;  // normalised
  InetHost real;
};

// The addresses that stand for names inside. Each pair of a name and an address that it has gets
// one of its own, for the life of the run, so that names that share an address stay apart, and a
// connection goes to the very address that was looked up, whatever the name says later.
class AddressMap {
 public:
  // Of each family; a name may have many, and an agent may ask for any number of names in a domain.
  static constexpr std::size_t kMost = 60'000;

  // The address inside, of that family (an IPv6 record may hold an IPv4 address); nothing if all
  // are given.
  std::optional<InetHost> Give(const NamedAddress& named, int family);

  // What an address inside stands for; null for one that was not given.
  const NamedAddress* Find(const InetHost& inside) const;

  // The namespace's own address in each of the ranges, which stands for no name.
  static InetHost Own(int family);
  static bool IsOwn(const InetHost& address) { return address == Own(address.family); }

  // Whether the address lies in one of the ranges, given or not.
  static bool IsInRange(const InetHost& address);

 private:
  std::map<std::tuple<std::string, InetHost, int>, InetHost> given_;
  std::map<InetHost, NamedAddress> named_;
  std::uint32_t next4_ = 2;  // behind the namespace's own address
  std::uint32_t next6_ = 2;
};

}  // namespace aegis::gate
