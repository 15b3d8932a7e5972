#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/entry.h"

namespace aegis::ledger {

enum class ExportFormat : std::uint8_t {
  kJson,       // one array of envelopes
  kJsonLines,  // one canonical envelope per line
  kCsv,        // RFC 4180, a header and one line per entry
  kCef,        // ArcSight Common Event Format, version 0: one event per line
};

// "json", "jsonl", "csv", "cef".
std::optional<ExportFormat> ParseExportFormat(std::string_view name);

// Writes entries as text for other programs. In CSV and CEF, characters that could steer a terminal
// or break a line come as base::ForDisplay shows them, and a CSV cell that a spreadsheet would take
// for a formula begins with an apostrophe. Of an erased entry only what is left is written.
class ExportWriter {
 public:
  // `version` is that of Aegis, for CEF.
  ExportWriter(ExportFormat format, std::string_view version)
      : format_(format), version_(version) {}

  // What stands before the first entry. One that continues an export needs no CSV header.
  void AppendBegin(std::string& out, bool continues) const;
  // `position` is the entry's place in the ledger, from 1; none while it has none.
  void AppendEntry(std::string& out, const EntryView& entry, std::optional<std::uint64_t> position);
  // What stands after the last entry.
  void AppendEnd(std::string& out) const;

 private:
  ExportFormat format_;
  std::string_view version_;
  bool any_ = false;
};

}  // namespace aegis::ledger
