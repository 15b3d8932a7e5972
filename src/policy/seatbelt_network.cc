#include "policy/seatbelt_network.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "policy/host_name.h"
#include "policy/policy.h"
#include "policy/seatbelt.h"
#include "policy/seatbelt_filter.h"

namespace aegis::policy::seatbelt {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kAnyPort = "*";

bool IsPath(std::string_view name) { return name.starts_with('/') || name.starts_with("*/"); }

// Whether a place holds "localhost" or one of its addresses.
bool IsThisMachine(std::string_view name) {
  if (const auto range = ParseAddressRange(HostPart(name))) {
    const auto holds = [&range](std::string_view address) {
      return range->Contains(*ParseAddress(address));
    };
    return holds("127.0.0.1") || holds("0.0.0.0") || holds("::1") || holds("::");
  }
  return name.starts_with("*:") || name.starts_with("127.") || name.starts_with("0.0.0.0") ||
         name.starts_with("localhost") || name.starts_with("::") || name.starts_with("[::");
}

bool IsPort(std::string_view port) {
  return !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
}

Area SocketArea(std::string_view name) {
  return {.kind = Area::Kind::kPath, .name = OnMac(base::UnescapeName(name.substr(kUnix.size())))};
}

}  // namespace

bool Network::ReadLoopback(std::string_view name, Loopback& out) {
  constexpr std::string_view kFour = "127.0.0.1";
  if (name == kFour || name == "::1") {
    out = {.six = name != kFour, .port = std::string(kAnyPort)};
    return true;
  }
  for (const std::string_view head : {std::string_view("127.0.0.1:"), std::string_view("[::1]:")}) {
    if (name.starts_with(head) && IsPort(name.substr(head.size()))) {
      out = {.six = head.starts_with('['), .port = std::string(name.substr(head.size()))};
      return true;
    }
  }
  return false;
}

void Network::Add(const PolicySet::Info& policy, std::vector<SeatbeltProfile::Note>& notes) {
  const bool nowhere =
      policy.bounded && std::ranges::all_of(policy.places, IsPath, &PolicySet::Place::name);
  if (!policy.Covers(Action::kNetConnect) ||
      (nowhere && policy.fails != PolicySet::Fails::kAnywhere)) {
    return;
  }
  if (policy.forbid || policy.ask || policy.fails != PolicySet::Fails::kNowhere) {
    Refuse(policy);
  } else if (policy.total) {
    Permit(policy, notes);
  } else if (notes.empty() || notes.back().policy != policy.id) {
    notes.push_back({policy.id, "left out: its conditions have no form here"});
  }
}

void Network::Refuse(const PolicySet::Info& policy) {
  closed_ = closed_ || !policy.bounded || policy.fails == PolicySet::Fails::kAnywhere;
  refused_ = true;
  for (const PolicySet::Place& place : policy.places) {
    loopback_refused_ = loopback_refused_ || IsThisMachine(place.name);
    if (place.name.starts_with(kUnix)) {
      refused_sockets_.push_back(WideFilter(SocketArea(place.name)));
    }
  }
}

void Network::Permit(const PolicySet::Info& policy, std::vector<SeatbeltProfile::Note>& notes) {
  everywhere_ = everywhere_ || !policy.bounded;
  for (const PolicySet::Place& place : policy.places) {
    Loopback loopback;
    if (IsPath(place.name)) {
      continue;
    }
    if (ReadLoopback(place.name, loopback)) {
      loopback_.push_back(loopback);
      continue;
    }
    const auto filter =
        place.name.starts_with("unix:/") ? ExactFilter(SocketArea(place.name)) : std::nullopt;
    if (filter) {
      sockets_.push_back(*filter);
    } else {
      notes.push_back(
          {policy.id, place.name + " left out: of hosts a profile knows this machine alone"});
    }
  }
}

bool Network::Permits(bool six, std::string_view port) const {
  return std::ranges::any_of(loopback_, [&](const Loopback& one) {
    return one.six == six && (one.port == port || one.port == kAnyPort);
  });
}

// "localhost" means both addresses, so a port counts where both are permitted.
std::vector<std::string> Network::Ports() const {
  std::vector<std::string> ports;
  for (const Loopback& one : loopback_) {
    if (Permits(!one.six, one.port) && std::ranges::find(ports, one.port) == ports.end()) {
      ports.push_back(one.port);
    }
  }
  std::ranges::sort(ports);
  return ports;
}

void Network::Write(std::string& out) const {
  if (closed_) {
    out += "\n; NetConnect is allowed nowhere: it is refused everywhere.\n";
    return;
  }
  if (everywhere_ && !refused_) {
    out +=
        "\n; The network.\n"
        "(allow network-outbound\n  (remote ip \"*:*\")\n  (remote unix-socket))\n"
        "(allow network-bind network-inbound (local ip \"*:*\"))\n";
    return;
  }
  if (everywhere_) {
    out +=
        "\n; NetConnect is permitted everywhere but at some hosts, which a profile can't name: so "
        "only\n; what follows is allowed.\n";
  }
  const auto ports = loopback_refused_ ? std::vector<std::string>() : Ports();
  for (const std::string& port : ports) {
    const std::string end = "\"localhost:" + port + "\"";
    out += "(allow network-outbound (remote ip " + end + "))\n";
    out += "(allow network-bind network-inbound (local ip " + end + "))\n";
  }
  for (const Loopback& one : loopback_) {
    if (!Permits(!one.six, one.port)) {
      out += "; Port " + one.port + " left out: \"localhost\" is 127.0.0.1 and ::1 together.\n";
    }
  }
  for (const std::string& socket : sockets_) {
    if (std::ranges::find(refused_sockets_, socket) == refused_sockets_.end()) {
      out += "(allow network-outbound " + socket + ")\n";
    }
  }
}

}  // namespace aegis::policy::seatbelt
