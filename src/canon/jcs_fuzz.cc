// Canonicalisation and the strict reader must agree on every input.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "canon/canon.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aegis::canon::Canonicalize;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto canonical = Canonicalize(text);
  AEGIS_CHECK(aegis::canon::IsCanonicalValue(text) == (canonical && *canonical == text));
  if (canonical) {
    AEGIS_CHECK(aegis::canon::IsCanonicalValue(*canonical));
    const auto again = Canonicalize(*canonical);
    AEGIS_CHECK(again && *again == *canonical);
    aegis::canon::Cursor cursor(*canonical);
    std::string_view raw;
    if (cursor.String(&raw)) {
      AEGIS_CHECK(aegis::canon::DecodeString(raw).has_value());
    }
  }
  (void)aegis::canon::StringMember(text, "a");
  (void)aegis::canon::IntegerMember(text, "a");
  (void)aegis::canon::DecodeString(text);
  return 0;
}
