// An envelope that parses is exactly what would be written for it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "canon/canon.h"
#include "ledger/ledger.h"
#include "ledger/masker.h"

namespace {

using aegis::ledger::Masker;

Masker OwnMasker() {
  const std::vector<std::string> patterns = {"ACME-[0-9]{4}", "pin=(.*)z", "(?i)é+\\C",
                                             "\\bk.k\\b"};
  auto masker = Masker::Make(patterns);
  AEGIS_CHECK(masker.has_value());
  return std::move(*masker);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aegis::ledger::Entry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entry = aegis::ledger::ParseEnvelope(text)) {
    std::string again;
    AppendEnvelope(again, entry->view());
    AEGIS_CHECK(again == text);
    const aegis::ledger::Session session = BeginSession(entry->view());
    AEGIS_CHECK(session.head_hash == entry->hash);
    (void)Matches({.action = "a", .decision = "deny", .text = "\"x"}, entry->view());
  }
  if (const auto entry = aegis::ledger::ParseHashedEnvelope(text)) {
    std::string again;
    AppendHashedEnvelope(again, entry->view());
    AEGIS_CHECK(again == text);
  }
  // Any bytes can be recorded, and what is recorded is canonical.
  const std::string name(text);
  std::string payload;
  static const Masker kMasker = OwnMasker();  // compiled once
  aegis::ledger::AppendActionPayload(payload,
                                     {.action = "FileRead",
                                      .resource = name,
                                      .decision = "deny",
                                      .reason = "NO_PERMIT",
                                      .context = {.exe = name, .argv = {&name, 1}}},
                                     kMasker);
  AEGIS_CHECK(aegis::canon::IsCanonicalObject(payload));
  if (const auto masked = kMasker.Mask(text)) {
    AEGIS_CHECK(masked->find(aegis::ledger::kMasked) != std::string::npos);
    AEGIS_CHECK(aegis::base::IsValidUtf8(*masked));
  }
  return 0;
}
