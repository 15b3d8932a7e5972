// The path of a tile that parses is written back as it was; so is a bundle, whose first byte here
// says how many entries it has.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "ledger/ledger.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace ledger = aegis::ledger;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto tile = ledger::TileId::Parse(text)) {
    AEGIS_CHECK(tile->Path() == text);
    AEGIS_CHECK(tile->width > 0 && tile->width <= ledger::kTileWidth);
  }
  if (text.empty()) {
    return 0;
  }
  const unsigned width = data[0];
  if (const auto entries = ledger::ParseBundle(text.substr(1), width)) {
    AEGIS_CHECK(entries->size() == width);
    std::string again;
    for (const std::string_view entry : *entries) {
      AEGIS_CHECK(ledger::AppendBundleEntry(again, entry));
    }
    AEGIS_CHECK(again == text.substr(1));
  }
  return 0;
}
