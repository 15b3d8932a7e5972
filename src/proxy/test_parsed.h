#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "proxy/bytes.h"
#include "proxy/parsed.h"

// For tests only.
namespace aegis::proxy::testing_support {

inline Bytes BytesOf(std::string_view text) { return {text.begin(), text.end()}; }

// Whether readers of a growing buffer are told NeedMore up to some size, and from there on what the
// whole says. Of long input some 512 prefixes count.
template <class Parse>
bool IsSteady(std::span<const std::uint8_t> bytes, Parse parse) {
  constexpr std::size_t kMostPrefixes = 512;
  const auto whole = parse(bytes);
  bool answered = false;
  for (std::size_t size = 0; size <= bytes.size(); size += 1 + bytes.size() / kMostPrefixes) {
    const auto now = parse(bytes.first(size));
    if (answered || !std::holds_alternative<NeedMore>(now)) {
      answered = true;
      if (now != whole) {
        return false;
      }
    }
  }
  return true;
}

// The reason of a refusal; "" of what is none.
template <class T>
std::string_view ReasonOf(const Parsed<T>& parsed) {
  const auto* refused = std::get_if<Refused>(&parsed);
  return refused == nullptr ? std::string_view() : refused->reason;
}

}  // namespace aegis::proxy::testing_support
