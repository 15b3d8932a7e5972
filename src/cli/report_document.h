#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.h"
#include "cli/report_data.h"

namespace aegis::cli {

// A report as people read it, before it is text or HTML. Cells may hold anything: who writes them
// makes them harmless.
struct ReportSection {
  struct Column {
    std::string title{};
    bool number = false;  // to the right
  };
  std::string title{};
  std::string note{};  // under the title
  std::vector<Column> columns{};
  std::vector<std::vector<std::string>> rows{};
  std::size_t left_out = 0;  // rows
};

struct ReportDocument {
  std::string title{};
  bool valid = false;  // the ledger verifies
  std::vector<ReportSection> sections{};
};

// At most `most_rows` rows of each section; of sessions the newest. Sections that would be empty
// are left out.
ReportDocument MakeDocument(const ReportData& data, std::size_t most_rows);

// Plain lines, with the colours of `out`.
std::string ReportText(const ReportDocument& document, const Output& out);

// One file that needs no other and has no scripts.
std::string ReportHtml(const ReportDocument& document);

// Text as it may stand in an element or a quoted attribute: harmless as base::ForDisplay makes it,
// and no markup.
std::string HtmlText(std::string_view text);

}  // namespace aegis::cli
