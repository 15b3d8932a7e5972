#include "policy/host_name.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace aegis::policy {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxNamed = 1024;  // of what is named; beyond ASCII it shrinks
constexpr unsigned kFourBits = 32;
constexpr unsigned kSixBits = 128;
constexpr unsigned kByte = 8;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::unexpected<base::Error> Refuse(std::string_view named, std::string_view why) {
  constexpr std::size_t kShown = 80;
  const std::string shown = base::ForDisplay(named.substr(0, kShown));
  return base::Fail(base::Errc::kInvalid, "\"" + shown + (named.size() > kShown ? "..." : "") +
                                              "\" is no host: " + std::string(why));
}

Address Four(std::uint32_t value) {
  return {
      .bytes = {static_cast<std::uint8_t>(value >> 24U), static_cast<std::uint8_t>(value >> 16U),
                static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)},
      .six = false};
}

std::uint32_t FourBytes(std::span<const std::uint8_t, 4> bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
         std::uint32_t{bytes[2]} << 8U | std::uint32_t{bytes[3]};
}

bool IsMapped(std::span<const std::uint8_t, 16> bytes) {
  constexpr std::array<std::uint8_t, 12> kHead = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::ranges::equal(bytes.first<12>(), kHead);
}

// 0x.. and 0.. as inet_aton and browsers read them, leading zeros and all; nullopt beyond 32 bits.
std::optional<std::uint64_t> Number(std::string_view text) {
  int base = 10;
  if (text.size() > 1 && text.starts_with('0')) {
    const bool hex = Lower(text[1]) == 'x';
    base = hex ? 16 : 8;
    text.remove_prefix(hex ? 2 : 1);
    if (hex && text.empty()) {
      return 0;  // browsers
    }
  }
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return whole && value <= UINT32_MAX ? std::optional(value) : std::nullopt;
}

// One to four numbers, the last of which fills what the others leave.
std::optional<Address> ReadNumbers(const std::vector<std::string_view>& labels) {
  if (labels.size() > 4) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto number = Number(labels[i]);
    const bool last = i + 1 == labels.size();
    const std::uint64_t limit = last ? UINT32_MAX >> (kByte * i) : UINT8_MAX;
    if (!number || *number > limit) {
      return std::nullopt;
    }
    value |= last ? *number : *number << (kByte * (3 - i));
  }
  return Four(static_cast<std::uint32_t>(value));
}

std::vector<std::string_view> LabelsOf(std::string_view name) {
  std::vector<std::string_view> labels;
  std::size_t at = 0;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', at)) {
    labels.push_back(name.substr(at, dot - at));
    at = dot + 1;
  }
  labels.push_back(name.substr(at));
  return labels;
}

bool IsNumeric(std::string_view label) {
  if (label.empty()) {
    return false;
  }
  const bool hex = label.size() > 1 && label[0] == '0' && Lower(label[1]) == 'x';
  return std::ranges::all_of(label, IsDigit) ||
         (hex && std::ranges::all_of(label.substr(2), IsHexDigit));
}

Host HostOf(const Address& address) { return {.text = AddressText(address), .address = address}; }

// The name in ASCII, A-labels checked.
base::Result<std::string> ToAscii(std::string_view named) {
  const std::string copy(named);
  std::uint8_t* converted = nullptr;
  const int status = ::idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(copy.c_str()),
                                      &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, decltype(&::idn2_free)> owner(converted, &::idn2_free);
  if (status != IDN2_OK) {
    return Refuse(named, ::idn2_strerror(status));
  }
  return std::string(reinterpret_cast<const char*>(converted));
}

bool HasALabel(std::string_view name) {
  return std::ranges::any_of(LabelsOf(name),
                             [](std::string_view label) { return label.starts_with("xn--"); });
}

base::Result<> CheckLabels(std::string_view named, const std::vector<std::string_view>& labels) {
  const auto is_plain = [](char c) {
    return IsDigit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  };
  for (const std::string_view label : labels) {
    if (label.empty()) {
      return Refuse(named, "an empty label");
    }
    if (label.size() > kMaxLabel) {
      return Refuse(named, "a label of more than 63 characters");
    }
    if (!std::ranges::all_of(label, is_plain)) {
      return Refuse(named, "a name has letters, digits, - and _");
    }
    if (label.starts_with('-') || label.ends_with('-')) {
      return Refuse(named, "a label that begins or ends with -");
    }
  }
  return {};
}

base::Result<Host> ReadName(std::string_view named, std::string name) {
  std::ranges::transform(name, name.begin(), Lower);
  if (name.ends_with('.')) {
    name.pop_back();
  }
  if (name.size() > kMaxName) {
    return Refuse(named, "more than 253 characters");
  }
  const std::vector<std::string_view> labels = LabelsOf(name);
  if (IsNumeric(labels.back())) {
    if (const auto address = ReadNumbers(labels)) {
      return HostOf(*address);
    }
    return Refuse(named, "a name that ends in a number is an address, and this is none");
  }
  AEGIS_TRY(CheckLabels(named, labels));
  return Host{.text = std::move(name), .address = std::nullopt};
}

base::Result<Host> ReadSix(std::string_view named, std::string_view text) {
  const auto address = ParseAddress(text);
  if (!address || text.find(':') == std::string_view::npos) {
    return Refuse(named, "no IPv6 address");
  }
  return HostOf(*address);
}

// Not one of the open Internet: RFC 6890 and its registries.
constexpr auto kSpecialFour = std::to_array<std::pair<std::uint32_t, unsigned>>({
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared, behind carriers
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local; 169.254.169.254 tells what clouds know of a machine
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // relays of 6to4
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // multicast, reserved, broadcast
});

bool IsSpecialFour(std::uint32_t address) {
  return std::ranges::any_of(kSpecialFour, [address](const auto& range) {
    return (address ^ range.first) >> (kFourBits - range.second) == 0;
  });
}

bool IsSpecialSix(std::span<const std::uint8_t, 16> bytes) {
  constexpr std::array<std::uint8_t, 12> kNat64 = {0, 0x64, 0xff, 0x9b};
  if (std::ranges::equal(bytes.first<12>(), kNat64)) {
    return IsSpecialFour(FourBytes(bytes.last<4>()));
  }
  const unsigned head = bytes[0] * 256U + bytes[1];
  const unsigned next = bytes[2] * 256U + bytes[3];
  if (head == 0x2002) {  // 6to4
    return IsSpecialFour(FourBytes(bytes.subspan<2, 4>()));
  }
  const bool assigned = head == 0x2001 && next < 0x200;  // with Teredo
  const bool documentation = (head == 0x2001 && next == 0xdb8) || (head == 0x3fff && next < 0x1000);
  return head >> 13U != 1 || assigned || documentation;  // 2000::/3 is what there is to reach
}

}  // namespace

std::optional<Address> ParseAddress(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::ranges::copy(text, copy.begin());
  Address address;
  if (text.find(':') == std::string_view::npos) {
    in_addr four{};
    if (::inet_pton(AF_INET, copy.data(), &four) != 1) {
      return std::nullopt;
    }
    return Four(ntohl(four.s_addr));
  }
  if (::inet_pton(AF_INET6, copy.data(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  address.six = true;
  return IsMapped(address.bytes) ? Four(FourBytes(std::span(address.bytes).last<4>())) : address;
}

std::string AddressText(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.six ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

AddressRange RangeAround(const Address& address, unsigned length) {
  AddressRange range{.base = address, .length = length};
  for (unsigned i = 0; i < range.base.bytes.size(); ++i) {
    const unsigned kept = std::min(kByte, length - std::min(length, i * kByte));
    range.base.bytes.at(i) &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return range;
}

bool AddressRange::Contains(const Address& address) const {
  return address.six == base.six && RangeAround(address, length).base == base;
}

std::optional<AddressRange> ParseAddressRange(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto base = ParseAddress(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!base || read.ec != std::errc() || read.ptr != digits.data() + digits.size() ||
      length > (base->six ? kSixBits : kFourBits)) {
    return std::nullopt;
  }
  const AddressRange range = RangeAround(*base, length);
  const std::string canonical = AddressText(range.base) + "/" + std::to_string(length);
  return canonical == text ? std::optional(range) : std::nullopt;
}

bool IsSpecial(const Address& address) {
  return address.six ? IsSpecialSix(address.bytes)
                     : IsSpecialFour(FourBytes(std::span(address.bytes).first<4>()));
}

bool EndsInNumber(std::string_view name) {
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  return IsNumeric(name.substr(name.rfind('.') + 1));
}

std::string_view HostPart(std::string_view name) {
  if (name.starts_with("unix:")) {
    return name;
  }
  if (name.starts_with('[')) {
    return name.substr(1, std::min(name.find(']'), name.size()) - 1);
  }
  const std::size_t colon = name.find(':');
  const bool one = colon != std::string_view::npos && colon == name.rfind(':');
  return one ? name.substr(0, colon) : name;
}

std::string_view PortPart(std::string_view name) {
  const std::string_view host = HostPart(name);
  return name.substr(host.size() + (name.starts_with('[') ? 2 : 0));
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.find_first_of(":/@*") == std::string_view::npos &&
         !EndsInNumber(host);
}

base::Result<Host> ParseHost(std::string_view named) {
  if (named.empty()) {
    return Refuse(named, "an empty name");
  }
  if (named.size() > kMaxNamed) {
    return Refuse(named, "more than 253 characters");
  }
  const auto is_stray = [](char c) {
    constexpr std::string_view kStray = " %@/\\?#";
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' ||
           kStray.find(c) != std::string_view::npos;
  };
  if (std::ranges::any_of(named, is_stray)) {
    return Refuse(named, "a character that no host has");
  }
  if (named.starts_with('[')) {
    return named.ends_with(']') ? ReadSix(named, named.substr(1, named.size() - 2))
                                : Refuse(named, "a bracket that is never closed");
  }
  if (named.find(':') != std::string_view::npos) {
    return ReadSix(named, named);
  }
  std::string name(named);
  std::ranges::transform(name, name.begin(), Lower);
  const bool beyond_ascii = std::ranges::any_of(name, [](unsigned char c) { return c > 0x7f; });
  if (beyond_ascii || HasALabel(name)) {
    if (!base::IsValidUtf8(name)) {
      return Refuse(named, "not valid UTF-8");
    }
    AEGIS_ASSIGN(name, ToAscii(name));
  }
  return ReadName(named, std::move(name));
}

std::string HostAndPort(std::string_view host, std::int64_t port) {
  const bool six = host.find(':') != std::string_view::npos;
  std::string text = six ? "[" : "";
  text.append(host).append(six ? "]:" : ":");
  return text + std::to_string(port);
}

}  // namespace aegis::policy
