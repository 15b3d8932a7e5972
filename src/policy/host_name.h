#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Hosts as policies, requests and the ledger name them: one written form for each. What names a
// host passes ParseHost once, where it comes in; inside, texts are canonical and compared as bytes.
namespace aegis::policy {

// An IPv4 or IPv6 address. The IPv6 forms of IPv4 addresses (::ffff:1.2.3.4) are those IPv4
// addresses and never stand here as IPv6.
struct Address {
  std::array<std::uint8_t, 16> bytes{};  // of IPv4 the first four, else zero
  bool six = false;

  friend bool operator==(const Address&, const Address&) = default;
};

// Reads the standard written forms: dotted decimal without leading zeros, RFC 4291. No brackets, no
// zone. nullopt for all else, however a resolver would take it.
std::optional<Address> ParseAddress(std::string_view text);

// The canonical text: dotted decimal, RFC 5952.
std::string AddressText(const Address& address);

// The addresses that share their first `length` bits. The others of `base` are zero.
struct AddressRange {
  Address base{};
  unsigned length = 0;  // up to 32 or 128

  bool Contains(const Address& address) const;
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// "10.0.0.0/8", "fd00::/8": in canonical form only.
std::optional<AddressRange> ParseAddressRange(std::string_view text);

// The range of that length that an address lies in.
AddressRange RangeAround(const Address& address, unsigned length);

// Whether an address is not one of the open Internet: this machine, private networks, link-local
// ones (with the metadata services of clouds), shared, reserved, documentation, multicast, and what
// embeds such an IPv4 address (NAT64, 6to4; Teredo altogether). That a rule permits a name says
// nothing of such an address that the name leads to: it needs a rule of its own.
bool IsSpecial(const Address& address);

// A host in its one written form.
struct Host {
  std::string text{};                // "example.com", "10.0.0.1", "::1"
  std::optional<Address> address{};  // none: a name

  friend bool operator==(const Host&, const Host&) = default;
};

// What `named` means. A name comes in lower-case ASCII without a trailing dot; an internationalized
// one (IDNA 2008 as UTS 46 maps it, not transitional) as its A-labels. An address comes in its
// canonical text, whatever resolvers and browsers take for it: decimal, octal, hexadecimal, short,
// in brackets. kInvalid for what is neither: control and other characters that no name has, zones,
// empty and long labels, and names that end in a number.
base::Result<Host> ParseHost(std::string_view named);

// Whether a name's last label reads as a number: resolvers take such names for addresses, so none
// stands for a host.
bool EndsInNumber(std::string_view name);

// Whether a host is a name that the name system could know: only such lie in domains and "*:PORT".
bool IsHostName(std::string_view host);

// The host of a resource or of a place of hosts that policies name: "h:443", "[::1]:443",
// "*.example.com:443", "10.0.0.0/8:443" without their ports, "*" of "*:443"; other names as they
// are.
std::string_view HostPart(std::string_view name);

// What stands behind that host: ":443", or nothing.
std::string_view PortPart(std::string_view name);

// The resource of a connection: "HOST:PORT", "[V6]:PORT".
std::string HostAndPort(std::string_view host, std::int64_t port);

}  // namespace aegis::policy
