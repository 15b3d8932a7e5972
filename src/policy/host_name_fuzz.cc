#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "policy/host_name.h"

// Whatever names a host is refused, or has one form that stands for itself, that policies and the
// ledger can hold, and that is a name or an address and never both.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace policy = aegis::policy;
  const std::string_view named(reinterpret_cast<const char*>(data), size);
  const auto host = policy::ParseHost(named);
  if (!host) {
    AEGIS_CHECK(aegis::base::IsValidUtf8(host.error().message()));
    return 0;
  }
  AEGIS_CHECK(policy::ParseHost(host->text) == *host);
  AEGIS_CHECK(policy::ParseAddress(host->text) == host->address);
  if (!host->address) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    AEGIS_CHECK(host->text.find_first_not_of(kPlain) == std::string::npos);
    AEGIS_CHECK(!policy::EndsInNumber(host->text) && host->text.size() <= 253);
    return 0;
  }
  AEGIS_CHECK(policy::AddressText(*host->address) == host->text);
  for (unsigned length = 0; length <= (host->address->six ? 128U : 32U); ++length) {
    const policy::AddressRange range = policy::RangeAround(*host->address, length);
    AEGIS_CHECK(range.Contains(*host->address));
    const std::string text = policy::AddressText(range.base) + "/" + std::to_string(length);
    AEGIS_CHECK(policy::ParseAddressRange(text) == range);
  }
  return 0;
}
