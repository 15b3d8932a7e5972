#include "proxy/http1_body.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "proxy/http1_fault.h"
#include "proxy/http1_framing.h"
#include "proxy/http1_lines.h"

namespace aegis::proxy {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kChunkSizeDigits = 15;  // any such number fits into 64 bits
constexpr std::size_t kLongestExtensions = 1024;
constexpr int kHex = 16;

std::optional<std::uint64_t> ParseChunkSize(std::string_view line, Http1Body::Sender sender) {
  std::string_view digits = line;
  if (sender == Http1Body::Sender::kServer) {
    digits = digits.substr(0, digits.find(';'));
    digits = digits.substr(0, digits.find_last_not_of(" \t") + 1);
  }
  std::uint64_t size = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), size, kHex);
  if (digits.size() > kChunkSizeDigits || read.ec != std::errc() ||
      read.ptr != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return size;
}

// Who merges trailers into the head would have the message read in another way.
bool MayTrail(std::string_view name) {
  return !std::ranges::any_of(
      std::to_array<std::string_view>({"connection", "content-length", "expect", "host",
                                       "keep-alive", "te", "trailer", "transfer-encoding",
                                       "upgrade"}),
      [name](std::string_view refused) { return EqualsIgnoringCase(name, refused); });
}

}  // namespace

Http1Body::Http1Body(const Http1Framing& framing, Sender sender)
    : sender_(sender), left_(framing.length) {
  if (framing.kind == Http1Framing::Kind::kChunked) {
    state_ = State::kChunkSize;
  } else if (framing.kind == Http1Framing::Kind::kUntilClose) {
    state_ = State::kUntilClose;
  } else if (framing.length != 0) {
    state_ = State::kData;
  }
}

std::expected<std::size_t, Http1Fault> Http1Body::Take(std::span<const std::uint8_t> bytes) {
  std::size_t taken = 0;
  while (!Done()) {
    const auto part = TakePart(bytes.subspan(taken));
    if (!part && taken == 0) {
      return part;
    }
    if (!part || *part == 0) {
      break;  // a fault is found again, and told when it stands in front
    }
    taken += *part;
  }
  return taken;
}

std::expected<std::size_t, Http1Fault> Http1Body::TakePart(std::span<const std::uint8_t> bytes) {
  switch (state_) {
    case State::kData:
    case State::kChunkData:
      return TakeData(bytes);
    case State::kUntilClose:
      return bytes.size();
    case State::kChunkSize:
      return TakeChunkSize(bytes);
    case State::kChunkEnd:
      return TakeChunkEnd(bytes);
    case State::kTrailers:
      return TakeTrailer(bytes);
    case State::kDone:
      break;
  }
  return 0;
}

std::size_t Http1Body::TakeData(std::span<const std::uint8_t> bytes) {
  const std::size_t taken = std::min<std::uint64_t>(bytes.size(), left_);
  left_ -= taken;
  if (left_ == 0) {
    state_ = state_ == State::kData ? State::kDone : State::kChunkEnd;
  }
  return taken;
}

std::expected<std::size_t, Http1Fault> Http1Body::TakeChunkSize(
    std::span<const std::uint8_t> bytes) {
  const std::size_t limit =
      kChunkSizeDigits + kLineEnd.size() + (sender_ == Sender::kServer ? kLongestExtensions : 0);
  const auto end = lines_.Find(bytes, Http1LineFinder::Until::kEndOfLine, limit);
  if (!end || *end == 0) {
    return end;
  }
  const auto size = ParseChunkSize(AsText(bytes.first(*end - kLineEnd.size())), sender_);
  if (!size) {
    return std::unexpected(Http1Fault::kChunkSize);
  }
  left_ = *size;
  state_ = left_ == 0 ? State::kTrailers : State::kChunkData;
  return end;
}

std::expected<std::size_t, Http1Fault> Http1Body::TakeChunkEnd(
    std::span<const std::uint8_t> bytes) {
  const std::string_view end = AsText(bytes.first(std::min(bytes.size(), kLineEnd.size())));
  if (!kLineEnd.starts_with(end)) {
    return std::unexpected(Http1Fault::kChunkEnd);
  }
  if (end.size() < kLineEnd.size()) {
    return 0;
  }
  state_ = State::kChunkSize;
  return end.size();
}

std::expected<std::size_t, Http1Fault> Http1Body::TakeTrailer(std::span<const std::uint8_t> bytes) {
  const auto end =
      lines_.Find(bytes, Http1LineFinder::Until::kEndOfLine, kLongestHttp1Head - trailer_bytes_);
  if (!end || *end == 0) {
    return end;
  }
  if (*end == kLineEnd.size()) {
    state_ = State::kDone;
    return end;
  }
  const auto field = ParseHttp1Field(AsText(bytes.first(*end - kLineEnd.size())));
  if (!field) {
    return std::unexpected(field.error());
  }
  if (trailer_fields_ == kMostHttp1Fields) {
    return std::unexpected(Http1Fault::kTooManyFields);
  }
  if (!MayTrail(field->name)) {
    return std::unexpected(Http1Fault::kTrailer);
  }
  trailer_bytes_ += *end;
  ++trailer_fields_;
  return end;
}

}  // namespace aegis::proxy
