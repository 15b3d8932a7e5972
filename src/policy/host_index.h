#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// The resources that policies mention and that are no paths, arranged so that those a connection
// lies in are found by its host and port. Internal to the module.
namespace aegis::policy {

// Immutable once built; safe to read from several threads.
class HostIndex {
 public:
  // `mentions` as PathIndex takes them: paths and name groups match nothing here.
  explicit HostIndex(const std::vector<std::string>& mentions);

  // Ids of the mentions that are the resource or an ancestor of it, appended to `out`, each once.
  // `host` as the context has it, empty for what has none (sockets, tools); the port is what the
  // resource has behind it.
  void Ancestors(std::string_view resource, std::string_view host,
                 std::vector<std::uint32_t>& out) const;

  // Ids of the mentions that hold for a host on some port (and without one), appended to `out`.
  void OfHost(std::string_view host, std::vector<std::uint32_t>& out) const;

 private:
  struct Ranged {
    std::string port;  // ":443", or empty for any
    std::uint32_t mention = 0;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): as libraries look for it
  };
  template <typename Value>
  using ByText = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  void AddRange(std::string_view mention, std::uint32_t id);
  template <typename OnRange>
  void ForRanges(std::string_view host, OnRange on_range) const;

  ByText<std::uint32_t> names_;
  ByText<std::vector<std::uint32_t>> by_host_;  // "*" and domains among them
  // Ranges by their text without a port, and which lengths there are of each family.
  ByText<std::vector<Ranged>> ranges_;
  std::vector<unsigned> four_lengths_;
  std::vector<unsigned> six_lengths_;
};

}  // namespace aegis::policy
