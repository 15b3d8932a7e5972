#pragma once

#include <string_view>
#include <variant>

#include "proxy/bytes.h"

namespace aegis::proxy {

// Nothing can be said before more bytes have come.
struct NeedMore {
  bool operator==(const NeedMore&) const = default;
};

struct Refused {
  std::string_view reason{};  // of static storage; holds nothing of the client's
  Bytes reply{};              // to be written before the connection is closed; empty: nothing is

  bool operator==(const Refused&) const = default;
};

// What a reader says of all bytes that a client has sent so far. Once it has said something else
// than NeedMore, bytes that are added do not change it.
template <class T>
using Parsed = std::variant<NeedMore, T, Refused>;

}  // namespace aegis::proxy
