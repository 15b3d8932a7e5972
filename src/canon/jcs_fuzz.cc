// Canonicalisation, the strict reader and an independent implementation agree on every input.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "canon/canon.h"
#include "canon/test_oracle.h"

namespace {

using aegis::canon::Canonicalize;

void CheckText(std::string_view text) {
  const auto canonical = Canonicalize(text);
  AEGIS_CHECK(aegis::canon::IsCanonicalValue(text) == (canonical && *canonical == text));
  const std::optional<std::string> other = aegis::canon::OracleCanonicalize(text);
  AEGIS_CHECK(canonical.has_value() == other.has_value());
  if (!canonical) {
    return;
  }
  AEGIS_CHECK(*canonical == *other);
  AEGIS_CHECK(aegis::canon::IsCanonicalValue(*canonical));
  const auto again = Canonicalize(*canonical);
  AEGIS_CHECK(again && *again == *canonical);
  aegis::canon::Cursor cursor(*canonical);
  std::string_view raw;
  if (cursor.String(&raw)) {
    AEGIS_CHECK(aegis::canon::DecodeString(raw).has_value());
  }
}

// The first bytes as a double: a fuzzer finds rare numbers by their bits, hardly by their digits.
void CheckNumber(std::string_view bytes) {
  double value = 0;
  if (bytes.size() < sizeof(value)) {
    return;
  }
  std::memcpy(&value, bytes.data(), sizeof(value));
  std::string text;
  if (aegis::canon::AppendJsonNumber(text, value)) {
    AEGIS_CHECK(text == aegis::canon::OracleNumber(value));
    CheckText(text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckText(text);
  CheckNumber(text);
  (void)aegis::canon::StringMember(text, "a");
  (void)aegis::canon::IntegerMember(text, "a");
  (void)aegis::canon::DecodeString(text);
  return 0;
}
