#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "proxy/http1_authority.h"
#include "proxy/http1_fault.h"
#include "proxy/http1_lines.h"
#include "proxy/http1_request.h"
#include "proxy/test_http1.h"

namespace {

using aegis::proxy::Http1Fault;
using aegis::proxy::Http1Look;
using aegis::proxy::testing_support::Http1Connection;
using aegis::proxy::testing_support::Http1Trace;

constexpr std::string_view kServerMark = "\n====\n";

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// A host that was taken reads the same when it is written again.
void CheckAuthority(std::string_view text) {
  const auto authority = aegis::proxy::ParseHttp1Authority(text);
  if (authority) {
    const bool bracketed = authority->host.find(':') != std::string_view::npos;
    const auto again = aegis::proxy::ParseHttp1Authority(bracketed ? "[" + authority->host + "]"
                                                                   : authority->host);
    Require(again && again->host == authority->host && !again->port);
  }
}

}  // namespace

// What a client says and, behind a mark, what a server says: how the bytes are cut makes no
// difference, no step contradicts another, and what was passed of the requests is, on its own,
// the same requests.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = aegis::proxy::AsText(std::span(data, size));
  const std::size_t mark = input.find(kServerMark);
  const std::string_view client = input.substr(0, mark);
  const std::string_view server =
      mark == std::string_view::npos ? "" : input.substr(mark + kServerMark.size());
  CheckAuthority(client);
  const Http1Trace whole = Http1Connection(client, server, size + 1).RunInTurns();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, 3 + size % 61}) {
    Require(Http1Connection(client, server, piece).RunInTurns() == whole);
    static_cast<void>(Http1Connection(client, server, piece).RunTogether());
  }
  Require(whole.judged.empty() ||
          aegis::proxy::LooksLikeHttp1(std::span(data, size).first(client.size())) ==
              Http1Look::kYes);
  const Http1Trace again =
      Http1Connection(whole.client_passed, whole.server_passed, size + 1).RunInTurns();
  Require(again.fault == Http1Fault::kNone && again.client_passed == whole.client_passed &&
          again.server_passed == whole.server_passed);
  return 0;
}
