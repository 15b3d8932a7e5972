#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_lines.h"

namespace aegis::proxy {

// Follows the body of one message to its end (RFC 9112, sections 6.3 and 7.1). A chunk's size is
// plain hex; a response may have spaces and extensions behind it, a request none. Trailers are
// fields that say nothing of framing, host or connection, bounded like a head.
class Http1Body {
 public:
  enum class Sender : std::uint8_t { kClient, kServer };

  explicit Http1Body(const Http1Framing& framing = {}, Sender sender = Sender::kClient);

  // How many bytes from the front belong to the body, as far as can be told: lines are told of when
  // they are complete. `bytes` begins behind what was told of before. 0 and not Done(): needs more.
  // A fault is at the front: what lies before it is told of first, however the bytes come.
  std::expected<std::size_t, Http1Fault> Take(std::span<const std::uint8_t> bytes);

  bool Done() const { return state_ == State::kDone; }

 private:
  enum class State : std::uint8_t {
    kData,        // of known length
    kUntilClose,  // never done
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kDone
  };

  std::expected<std::size_t, Http1Fault> TakePart(std::span<const std::uint8_t> bytes);
  std::size_t TakeData(std::span<const std::uint8_t> bytes);
  std::expected<std::size_t, Http1Fault> TakeChunkSize(std::span<const std::uint8_t> bytes);
  std::expected<std::size_t, Http1Fault> TakeChunkEnd(std::span<const std::uint8_t> bytes);
  std::expected<std::size_t, Http1Fault> TakeTrailer(std::span<const std::uint8_t> bytes);

  State state_ = State::kDone;
  Sender sender_ = Sender::kClient;
  std::uint64_t left_ = 0;  // of kData and kChunkData, never 0 there
  std::size_t trailer_bytes_ = 0;
  std::size_t trailer_fields_ = 0;
  Http1LineFinder lines_;
};

}  // namespace aegis::proxy
