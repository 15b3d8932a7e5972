// Whatever is imported, what it adds is chains with right hashes, the same however the input is cut
// into pieces; what was good can be imported again and adds nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "ledger/import.h"
#include "ledger/test_import_target.h"

namespace {

using aegis::ledger::Importer;
using aegis::ledger::MemoryTarget;

// Whether all of it was good.
bool Import(MemoryTarget& target, std::string_view text, std::size_t piece) {
  Importer importer(target);
  bool good = true;
  for (std::size_t at = 0; at < text.size() && good; at += piece) {
    good = importer.Add(text.substr(at, piece)).has_value();
  }
  const bool finished = importer.Finish().has_value();
  AEGIS_CHECK(good || !finished);
  const auto& report = importer.report();
  AEGIS_CHECK(report.stored + report.present + report.passed == report.lines);
  return finished;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  MemoryTarget target;
  const bool good = Import(target, text, std::max<std::size_t>(size, 1));
  MemoryTarget cut;
  AEGIS_CHECK(Import(cut, text, 7) == good);
  AEGIS_CHECK(cut.lines == target.lines);
  AEGIS_CHECK(Import(cut, text, 1000) == good);
  AEGIS_CHECK(cut.lines == target.lines);
  MemoryTarget copy;
  AEGIS_CHECK(Import(copy, target.lines, 1000));
  AEGIS_CHECK(copy.lines == target.lines);
  return 0;
}
