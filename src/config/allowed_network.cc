#include "config/allowed_network.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "policy/host_name.h"

namespace aegis::config {
namespace {

constexpr std::int64_t kHighestPort = 65'535;

// A range in its one form; only what stands in front of the `/` may be written otherwise.
base::Result<std::string> RangeOf(const std::string& host) {
  const std::size_t slash = host.find('/');
  AEGIS_ASSIGN(const policy::Host base, policy::ParseHost(host.substr(0, slash)));
  std::string text = base.text + host.substr(slash);
  if (!base.address || !policy::ParseAddressRange(text)) {
    return base::Fail(base::Errc::kInvalid,
                      "\"" + host +
                          "\" is no range of addresses (10.0.0.0/8, fd00::/8: no bits "
                          "behind the first N)");
  }
  return text;
}

base::Result<std::string> HostOf(const std::string& host) {
  if (host.find('/') != std::string::npos) {
    return RangeOf(host);
  }
  if (!host.starts_with("*.")) {
    AEGIS_ASSIGN(policy::Host parsed, policy::ParseHost(host));
    return std::move(parsed.text);
  }
  AEGIS_ASSIGN(const policy::Host domain, policy::ParseHost(host.substr(2)));
  if (domain.address) {
    return base::Fail(base::Errc::kInvalid,
                      "\"" + host + "\": an address has no hosts below it (a range is 10.0.0.0/8)");
  }
  return "*." + domain.text;
}

bool IsOpaque(const AllowedNetwork& allowed) {
  return allowed.opaque.value_or(allowed.protocol == "tcp");
}

}  // namespace

base::Result<std::string> PlaceOf(const AllowedNetwork& allowed) {
  auto host = HostOf(allowed.host);
  if (!host) {
    return base::Fail(std::move(host).error().Within("\"allowed_network.host\""));
  }
  if (!allowed.port) {
    return host;
  }
  if (*allowed.port < 1 || *allowed.port > kHighestPort) {
    return base::Fail(base::Errc::kInvalid, "\"allowed_network.port\" must be from 1 to 65535");
  }
  return policy::HostAndPort(*host, *allowed.port);
}

std::string PermitsOf(std::span<const AllowedNetwork> all) {
  std::string text;
  std::size_t line = 1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto place = PlaceOf(all[i]);
    if (!place) {
      continue;  // refused when it was read
    }
    if (all[i].line > line) {
      text.append(all[i].line - line, '\n');
      line = all[i].line;
    } else {
      text += i > 0 ? " " : "";
    }
    text += "@id(\"allowed_network." + std::to_string(i + 1) + "\") " +
            (IsOpaque(all[i]) ? "@opaque " : "") +
            "permit(principal, action == Aegis::Action::\"NetConnect\", resource in "
            "Aegis::Resource::\"" +
            *place + "\")";
    if (all[i].protocol) {
      text += std::string(" when { context has protocol && context.protocol == \"") +
              (*all[i].protocol == "udp" ? "udp" : "tcp") + "\" }";
    }
    text += ";";
  }
  return text.empty() ? text : text + "\n";
}

}  // namespace aegis::config
