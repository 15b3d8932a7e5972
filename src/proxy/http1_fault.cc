#include "proxy/http1_fault.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace aegis::proxy {
namespace {

struct FaultText {
  Http1Fault fault;
  std::string_view text;
};

constexpr FaultText kTexts[] = {
    {Http1Fault::kNone, "none"},
    {Http1Fault::kBareLineFeed, "a line feed without a carriage return"},
    {Http1Fault::kBareCarriageReturn, "a carriage return without a line feed"},
    {Http1Fault::kControlByte, "a control byte in a line"},
    {Http1Fault::kTooLong, "a head, line or trailer that is too long"},
    {Http1Fault::kRequestLine, "not a request line"},
    {Http1Fault::kMethod, "not a method"},
    {Http1Fault::kConnect, "the method CONNECT"},
    {Http1Fault::kTarget, "a request target in no plain form"},
    {Http1Fault::kVersion, "neither HTTP/1.1 nor HTTP/1.0"},
    {Http1Fault::kHttp2, "HTTP/2"},
    {Http1Fault::kStatusLine, "not a status line"},
    {Http1Fault::kFieldName, "a field without a plain name"},
    {Http1Fault::kFolded, "a folded line"},
    {Http1Fault::kTooManyFields, "too many fields"},
    {Http1Fault::kHost, "a Host that is no plain host"},
    {Http1Fault::kHostMissing, "no Host"},
    {Http1Fault::kHostRepeated, "more than one Host"},
    {Http1Fault::kTargetIsNotHost, "a request target of another host than Host"},
    {Http1Fault::kConnection, "a Connection that names Host or a field of framing"},
    {Http1Fault::kUpgrade, "an Upgrade to what is not relayed"},
    {Http1Fault::kExpect, "an Expect other than 100-continue"},
    {Http1Fault::kLength, "a Content-Length that is no plain number"},
    {Http1Fault::kLengthRepeated, "more than one Content-Length"},
    {Http1Fault::kTransferEncoding, "a Transfer-Encoding other than chunked"},
    {Http1Fault::kLengthAndEncoding, "Content-Length and Transfer-Encoding"},
    {Http1Fault::kBodyOfNone, "a body where none can be"},
    {Http1Fault::kChunkSize, "not a chunk size"},
    {Http1Fault::kChunkEnd, "a chunk without its end"},
    {Http1Fault::kTrailer, "a trailer that belongs into the head"},
    {Http1Fault::kNotAsked, "a response without a request"},
    {Http1Fault::kNoUpgrade, "a change of protocol that nobody asked for"},
};

}  // namespace

std::string_view Text(Http1Fault fault) {
  const auto* const found = std::ranges::find(kTexts, fault, &FaultText::fault);
  return found == std::end(kTexts) ? "unknown" : found->text;
}

}  // namespace aegis::proxy
