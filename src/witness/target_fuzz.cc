// A target that parses is written in a form that parses to the same; nothing of a URL could end a
// line or a field of a request.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.h"
#include "witness/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace witness = aegis::witness;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = witness::ParseTarget(text);
  if (!target) {
    AEGIS_CHECK(target.error().message().starts_with("witness \""));
    return 0;
  }
  const std::string written = witness::TargetText(*target);
  const auto again = witness::ParseTarget(written);
  AEGIS_CHECK(again && *again == *target && witness::TargetText(*again) == written);
  if (const auto* const http = std::get_if<witness::HttpTarget>(&*target)) {
    for (const char c : witness::Authority(*http) + http->prefix) {
      AEGIS_CHECK(c > ' ' && c < '\x7f');
    }
    AEGIS_CHECK(!http->host.empty() && http->port != 0);
    AEGIS_CHECK(http->prefix.empty() || http->prefix.starts_with('/'));
  }
  return 0;
}
