#include "policy/host_index.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/host_name.h"

namespace aegis::policy {
namespace {

// The domains that hold a name, the narrowest first: "*.example.com", "*.com".
template <typename OnDomain>
void ForDomains(std::string_view host, OnDomain on_domain) {
  for (std::size_t dot = host.find('.'); dot != std::string_view::npos;
       dot = host.find('.', dot + 1)) {
    on_domain("*" + std::string(host.substr(dot)));
  }
}

// ":443" of "api.example.com:443" or "[::1]:443", whose host is named beside it; empty if there is
// no port.
std::string_view PortOf(std::string_view resource, std::string_view host) {
  if (resource.starts_with('[')) {
    const bool named =
        resource.substr(1).starts_with(host) && resource.substr(1 + host.size()).starts_with("]:");
    return named ? resource.substr(host.size() + 2) : std::string_view();
  }
  const bool named = resource.starts_with(host) && resource.substr(host.size()).starts_with(':');
  return named ? resource.substr(host.size()) : std::string_view();
}

}  // namespace

HostIndex::HostIndex(const std::vector<std::string>& mentions) {
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    const std::string& mention = mentions[i];
    const auto id = static_cast<std::uint32_t>(i);
    if (mention.starts_with('/') || mention.starts_with("*/")) {
      continue;
    }
    names_.emplace(mention, id);
    if (HostPart(mention).find('/') != std::string_view::npos) {
      AddRange(mention, id);
    } else {
      by_host_[std::string(HostPart(mention))].push_back(id);
    }
  }
}

void HostIndex::AddRange(std::string_view mention, std::uint32_t id) {
  const std::string_view text = HostPart(mention);
  const auto range = ParseAddressRange(text);
  if (!range) {
    return;  // a socket's path
  }
  std::vector<unsigned>& lengths = range->base.six ? six_lengths_ : four_lengths_;
  if (std::ranges::find(lengths, range->length) == lengths.end()) {
    lengths.push_back(range->length);
  }
  ranges_[std::string(text)].push_back({.port = std::string(PortPart(mention)), .mention = id});
}

template <typename OnRange>
void HostIndex::ForRanges(std::string_view host, OnRange on_range) const {
  if (ranges_.empty()) {
    return;
  }
  const auto address = ParseAddress(host);
  if (!address) {
    return;
  }
  for (const unsigned length : address->six ? six_lengths_ : four_lengths_) {
    const AddressRange around = RangeAround(*address, length);
    const auto found = ranges_.find(AddressText(around.base) + "/" + std::to_string(length));
    if (found != ranges_.end()) {
      std::ranges::for_each(found->second, on_range);
    }
  }
}

void HostIndex::Ancestors(std::string_view resource, std::string_view host,
                          std::vector<std::uint32_t>& out) const {
  const auto add = [this, &out](std::string_view name) {
    const auto found = names_.find(name);
    if (found != names_.end() && std::ranges::find(out, found->second) == out.end()) {
      out.push_back(found->second);
    }
  };
  add(resource);
  if (host.empty()) {
    return;
  }
  add(host);
  const std::string_view port = PortOf(resource, host);
  if (!IsHostName(host)) {
    ForRanges(host, [&](const Ranged& one) {
      if (one.port.empty() || one.port == port) {
        out.push_back(one.mention);
      }
    });
    return;
  }
  if (!port.empty()) {
    add("*" + std::string(port));
  }
  ForDomains(host, [&](const std::string& domain) {
    add(domain);
    if (!port.empty()) {
      add(domain + std::string(port));
    }
  });
}

void HostIndex::OfHost(std::string_view host, std::vector<std::uint32_t>& out) const {
  const auto add = [this, &out](std::string_view part) {
    if (const auto found = by_host_.find(part); found != by_host_.end()) {
      out.insert(out.end(), found->second.begin(), found->second.end());
    }
  };
  add(host);
  if (!IsHostName(host)) {
    ForRanges(host, [&out](const Ranged& one) { out.push_back(one.mention); });
    return;
  }
  add("*");
  ForDomains(host, add);
}

}  // namespace aegis::policy
