#pragma once

#include <cstdint>
#include <string_view>

namespace aegis::proxy {

// Why an HTTP/1 connection is refused.
enum class Http1Fault : std::uint8_t {
  kNone,
  // Bytes
  kBareLineFeed,
  kBareCarriageReturn,
  kControlByte,
  kTooLong,
  // Start lines
  kRequestLine,
  kMethod,
  kConnect,
  kTarget,
  kVersion,
  kHttp2,
  kStatusLine,
  // Fields
  kFieldName,
  kFolded,
  kTooManyFields,
  kHost,
  kHostMissing,
  kHostRepeated,
  kTargetIsNotHost,
  kConnection,
  kUpgrade,
  kExpect,
  // Framing
  kLength,
  kLengthRepeated,
  kTransferEncoding,
  kLengthAndEncoding,
  kBodyOfNone,
  kChunkSize,
  kChunkEnd,
  kTrailer,
  // Order
  kNotAsked,
  kNoUpgrade,
};

// What the fault is in a few words, for people: constant text, nothing of the connection in it.
std::string_view Text(Http1Fault fault);

}  // namespace aegis::proxy
