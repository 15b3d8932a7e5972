#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "canon/sha256.h"
#include "gate/scan_record.h"
#include "sandbox/host_view.h"

// Whatever is read as records is, written again, the same bytes; a file around them gives them
// back, and under no other key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aegis;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes(reinterpret_cast<const char*>(data),  // NOLINT(*-reinterpret-cast)
                               size);
  const canon::Sha256 key = canon::HashSha256("key");
  static_cast<void>(gate::ParseScanFile(bytes, key));
  const auto records = gate::ParseScanRecords(bytes);
  if (!records) {
    return 0;
  }
  std::string again;
  for (const gate::ScanRecord& record : *records) {
    std::vector<sandbox::DirectoryEntry> entries;
    gate::EntriesOf(record, entries);
    AEGIS_CHECK(entries.size() <= record.held);
    const auto encoded = gate::EncodeScanRecord(record.stamp, record.held, entries);
    AEGIS_CHECK(encoded == record.bytes);
    again += *encoded;
  }
  AEGIS_CHECK(again == bytes);
  const std::string file = gate::EncodeScanFile(key, again);
  const auto parsed = gate::ParseScanFile(file, key);
  AEGIS_CHECK(parsed && parsed->size() == records->size());
  AEGIS_CHECK(!gate::ParseScanFile(file, canon::HashSha256("other")));
  return 0;
}
