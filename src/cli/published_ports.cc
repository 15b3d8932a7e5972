#include "cli/published_ports.h"

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/context.h"
#include "config/config.h"
#include "gate/published_ports.h"
#include "gate/run.h"
#include "policy/host_name.h"

namespace aegis::cli {
namespace {

bool IsLoopback(const policy::Address& address) {
  constexpr policy::AddressRange kFour{.base = {.bytes = {127}}, .length = 8};
  return kFour.Contains(address) || policy::AddressText(address) == "::1";
}

std::string Outside(const gate::PublishedPort& port) {
  return policy::HostAndPort(policy::AddressText(port.address), port.host_port);
}

base::Result<> Add(const config::PublishedPort& port, std::vector<gate::PublishedPort>& all) {
  const gate::PublishedPort added{
      .address = port.address, .host_port = port.host_port, .port = port.port};
  for (const gate::PublishedPort& other : all) {
    if (added.host_port != 0 && Outside(added) == Outside(other)) {
      return base::Fail(base::Errc::kInvalid, "publish " + Outside(added) + ": it is there twice");
    }
  }
  all.push_back(added);
  return {};
}

}  // namespace

base::Result<std::vector<config::PublishedPort>> ParsePublished(
    const std::vector<std::string>& flags) {
  std::vector<config::PublishedPort> all;
  for (const std::string& flag : flags) {
    auto port = config::ParsePublishedPort(flag);
    if (!port) {
      return base::Fail(std::move(port).error().Within("--publish " + flag));
    }
    all.push_back(*port);
  }
  return all;
}

base::Result<> AddPublished(Context& context, const std::vector<config::PublishedPort>& given,
                            const config::Configuration& configuration, gate::RunSpec& spec) {
  if (spec.mode == gate::Mode::kWrap) {
    if (!configuration.published_ports.empty()) {
      context.Note("published ports are left out: under wrap programs listen on the machine");
    }
    return {};
  }
  for (const auto* const ports : {&configuration.published_ports, &given}) {
    for (const config::PublishedPort& port : *ports) {
      AEGIS_TRY(Add(port, spec.published));
    }
  }
  spec.published_notice = [&context](const gate::PublishedPort& port, bool chosen) {
    const std::string leads = Outside(port) + " leads to port " + std::to_string(port.port);
    if (!IsLoopback(port.address)) {
      context.Say("warning: " + leads + " inside, for whoever reaches this address");
    } else if (chosen) {
      context.Say(leads + " inside");
    }
  };
  return {};
}

}  // namespace aegis::cli
