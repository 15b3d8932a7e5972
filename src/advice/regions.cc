#include "advice/regions.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "advice/places.h"
#include "policy/host_name.h"
#include "policy/policy.h"

namespace aegis::advice {
namespace {

using policy::Action;
using Place = policy::PolicySet::Place;

bool IsPath(std::string_view mention) { return mention.starts_with('/'); }
bool IsGroup(std::string_view mention) { return mention.starts_with("*/"); }

}  // namespace

std::string FreshName(const std::vector<std::string>& mentions) {
  constexpr unsigned kFirst = 0xb7;  // the middle dot
  constexpr unsigned kLast = 0x7ff;  // of the code points of two bytes
  for (unsigned point = kFirst; point <= kLast; ++point) {
    const std::string name{static_cast<char>(0xc0U | point >> 6U),
                           static_cast<char>(0x80U | (point & 0x3fU))};
    const auto has = [&name](const std::string& mention) { return mention.contains(name); };
    if (std::ranges::none_of(mentions, has)) {
      return name;
    }
  }
  return {};
}

namespace {

// The pattern with `fresh` for each star: matched by another pattern only if all its names are.
std::string ExampleOf(std::string_view group, const std::string& fresh) {
  std::string example;
  for (const char c : group.substr(2)) {
    c == '*' ? example.append(fresh) : example.append(1, c);
  }
  return example;
}

std::string Below(std::string_view path, std::string_view name) {
  return std::string(path == "/" ? "" : path).append("/").append(name);
}

// The port of ":443"; none for what is none.
std::optional<std::int64_t> Number(std::string_view port) {
  std::int64_t number = 0;
  const char* const end = port.data() + port.size();
  const bool read = !port.empty() && std::from_chars(port.data() + 1, end, number).ptr == end;
  return read ? std::optional(number) : std::nullopt;
}

// The addresses of a mention, if it has some.
std::optional<policy::AddressRange> RangeOf(std::string_view host) {
  if (const auto address = policy::ParseAddress(host)) {
    return policy::AddressRange{.base = *address, .length = address->six ? 128U : 32U};
  }
  return policy::ParseAddressRange(host);
}

// The first address behind a range; none behind the last.
std::optional<policy::Address> Behind(const policy::AddressRange& range) {
  constexpr unsigned kByte = 8;
  policy::Address address = range.base;
  for (unsigned bit = range.length; bit > 0; --bit) {
    std::uint8_t& byte = address.bytes.at((bit - 1) / kByte);
    const auto mask = static_cast<std::uint8_t>(0x80U >> ((bit - 1) % kByte));
    byte ^= mask;
    if ((byte & mask) != 0) {
      return address;
    }
  }
  return std::nullopt;
}

// Ranges by their addresses, wider ones before those that lie in them.
bool Before(const policy::AddressRange& a, const policy::AddressRange& b) {
  return std::tie(a.base.six, a.base.bytes, a.length) <
         std::tie(b.base.six, b.base.bytes, b.length);
}

// Finds the regions of hosts: of each host, domain and range, all ports, and each that is named for
// it or for what it lies in. Of a host that is named alone, also the question for its name.
class HostSampler {
 public:
  explicit HostSampler(const std::vector<std::string>& mentions) : fresh_(FreshName(mentions)) {
    hosts_[""];
    for (const std::string& mention : mentions) {
      if (mention.starts_with("unix:")) {
        sockets_.push_back(mention);
      } else if (!IsPath(mention) && !IsGroup(mention)) {
        AddMention(mention);
      }
    }
    std::ranges::sort(ranges_, Before);
    while (taken_.contains(other_port_)) {
      ++other_port_;
    }
  }

  std::vector<Sample> Run() {
    std::vector<std::string> names;
    names.reserve(hosts_.size());
    for (const auto& [name, host] : hosts_) {
      names.push_back(name);
    }
    // What holds a host stands before it: domains hold, and a longer one lies in a shorter one; of
    // ranges those with more bits.
    std::ranges::stable_sort(names, {}, [](const std::string& name) {
      const auto range = policy::ParseAddressRange(name);
      const bool holds = IsDomain(name) || range;
      return std::pair(!name.empty() && !holds, range ? range->length : name.size());
    });
    for (const std::string& name : names) {
      AddHost(name);
    }
    for (const std::string& socket : sockets_) {
      samples_.push_back(
          {.region = {.name = socket},
           .question = {.action = Action::kNetConnect, .resource = socket, .protocol = "unix"},
           .around = {0}});
    }
    return std::move(samples_);
  }

 private:
  struct Host {
    std::set<std::int64_t> ports{};
    bool alone = false;                             // named without a port
    bool addresses = false;                         // an address or a range
    std::map<std::int64_t, std::size_t> samples{};  // by port
  };

  static bool IsDomain(std::string_view name) { return name.starts_with("*."); }

  void AddMention(std::string_view mention) {
    const std::string_view part = policy::HostPart(mention);
    Host& host = hosts_[part == "*" ? std::string() : std::string(part)];
    const auto port = Number(policy::PortPart(mention));
    if (port) {
      host.ports.insert(*port);
      taken_.insert(*port);
    }
    host.alone = host.alone || !port;
    if (const auto range = RangeOf(part)) {
      host.addresses = true;
      ranges_.push_back(*range);
    }
  }

  // An address in the range that no narrower one holds.
  std::optional<std::string> ExampleIn(const policy::AddressRange& range) const {
    std::optional<policy::Address> example = range.base;
    for (auto at = std::ranges::upper_bound(ranges_, range, Before);
         at != ranges_.end() && range.Contains(at->base) && example; ++at) {
      if (!at->Contains(*example)) {
        if (Before({.base = *example, .length = 0}, {.base = at->base, .length = 0})) {
          break;
        }
        continue;  // it lies in one before
      }
      example = Behind(*at);
    }
    const bool free = example && range.Contains(*example);
    return free ? std::optional(policy::AddressText(*example)) : std::nullopt;
  }

  // A host that stands for a region: one that lies in no narrower one.
  std::optional<std::string> ExampleOf(const std::string& name) const {
    if (const auto range = policy::ParseAddressRange(name)) {
      return ExampleIn(*range);
    }
    if (name.empty()) {
      return fresh_ + "." + fresh_;
    }
    return IsDomain(name) ? fresh_ + name.substr(1) : name;
  }

  void AddHost(const std::string& name) {
    Host& known = hosts_.find(name)->second;
    const Host* const around = name.empty() ? nullptr : &Around(name, known.addresses);
    const bool apart = known.addresses && around != nullptr && !around->addresses;
    if (around != nullptr && !apart) {  // "*:443" is no address
      known.ports.insert(around->ports.begin(), around->ports.end());
    }
    const auto host = ExampleOf(name);
    if (!host) {
      return;
    }
    AddPort(name, *host, other_port_, around);
    for (const std::int64_t port : known.ports) {
      AddPort(name, *host, port, apart ? nullptr : around);
    }
    if (known.alone && policy::IsHostName(name)) {
      samples_.push_back({.region = {.name = name},
                          .question = {.action = Action::kNetConnect,
                                       .resource = name,
                                       .host = name,
                                       .protocol = "dns"},
                          .around = {known.samples.at(other_port_)}});
    }
  }
  void AddPort(const std::string& name, const std::string& host, std::int64_t port,
               const Host* around) {
    Host& known = hosts_.find(name)->second;
    const bool any = port == other_port_;
    const std::string ported = policy::HostAndPort(name.empty() ? "*" : name, port);
    Sample sample{.region = {.name = any ? name : ported, .subtree = any},
                  .question = {.action = Action::kNetConnect,
                               .resource = policy::HostAndPort(host, port),
                               .host = host,
                               .port = port,
                               .protocol = "tcp"}};
    if (!any) {
      sample.around.push_back(known.samples.at(other_port_));
    }
    if (around != nullptr && around->samples.contains(port)) {
      sample.around.push_back(around->samples.at(port));
    }
    known.samples[port] = samples_.size();
    samples_.push_back(std::move(sample));
  }
  // The narrowest domain or range that holds it, else all hosts.
  const Host& Around(const std::string& name, bool addresses) const {
    if (addresses) {
      const policy::AddressRange range = RangeOf(name).value_or(policy::AddressRange());
      for (unsigned length = range.length; length-- > 0;) {
        const std::string text = policy::AddressText(policy::RangeAround(range.base, length).base) +
                                 "/" + std::to_string(length);
        if (const auto found = hosts_.find(text); found != hosts_.end()) {
          return found->second;
        }
      }
      return hosts_.find("")->second;
    }
    const std::size_t begin = IsDomain(name) ? 2 : 0;
    for (std::size_t dot = name.find('.', begin); dot != std::string::npos;
         dot = name.find('.', dot + 1)) {
      if (const auto found = hosts_.find("*" + name.substr(dot)); found != hosts_.end()) {
        return found->second;
      }
    }
    return hosts_.find("")->second;
  }

  std::string fresh_;
  std::map<std::string, Host, std::less<>> hosts_;  // "": all that are not named
  std::vector<std::string> sockets_;
  std::vector<policy::AddressRange> ranges_;  // and addresses, sorted
  std::set<std::int64_t> taken_;
  std::int64_t other_port_ = 1;  // that no mention names
  std::vector<Sample> samples_;
};

}  // namespace

std::vector<Sample> HostSamples(const std::vector<std::string>& mentions) {
  return HostSampler(mentions).Run();
}

std::vector<Sample> ToolSamples(const std::vector<std::string>& mentions) {
  std::vector<Sample> samples;
  samples.reserve(mentions.size() + 1);
  samples.push_back({.region = {.name = "", .subtree = true},
                     .question = {.action = Action::kToolCall, .resource = FreshName(mentions)}});
  for (const std::string& mention : mentions) {
    if (!IsPath(mention) && !mention.starts_with('*')) {
      samples.push_back({.region = {.name = mention},
                         .question = {.action = Action::kToolCall, .resource = mention},
                         .around = {0}});
    }
  }
  return samples;
}

PathRegions::PathRegions(const std::vector<std::string>& mentions) : fresh_(FreshName(mentions)) {
  std::ranges::copy_if(mentions, std::back_inserter(groups_), IsGroup);
  std::ranges::copy_if(mentions, std::back_inserter(places_), IsPath);
  std::ranges::sort(places_);
  places_.erase(std::ranges::unique(places_).begin(), places_.end());
  std::ranges::stable_sort(places_, {}, &std::string::size);  // what holds a path stands before it
  examples_.reserve(groups_.size());
  for (const std::string& group : groups_) {
    examples_.push_back(ExampleOf(group, fresh_));
  }
  std::map<std::string_view, std::size_t> known;
  around_.reserve(places_.size());
  own_.resize(places_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    std::string_view at = places_[i];
    std::size_t around = kNoRegion;
    while (around == kNoRegion && at.size() > 1) {
      at = at.substr(0, std::max<std::size_t>(at.rfind('/'), 1));
      const auto found = known.find(at);
      around = found == known.end() ? kNoRegion : found->second;
    }
    around_.push_back(around);
    known.emplace(places_[i], i);
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      if (Holds(Place{.name = groups_[group], .subtree = true}, Place{.name = places_[i]})) {
        own_[i].push_back(static_cast<std::uint32_t>(group));
      }
    }
  }
}

std::string PathRegions::PathIn(std::size_t place, std::span<const std::uint32_t> groups) const {
  std::string path = Below(places_[place], fresh_);
  for (const std::uint32_t group : groups) {
    path = Below(path, examples_[group]);
  }
  return path;
}

}  // namespace aegis::advice
