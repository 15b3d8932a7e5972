#include <cstddef>
#include <string>
#include <string_view>

#include "base/text.h"
#include "cli/report_document.h"

namespace aegis::cli {
namespace {

// Colours of text and ground come from the reader's choice of light or dark; on paper there is no
// ground. Long names break anywhere.
constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
:root { color-scheme: light dark; --line: #d0d7de; --faint: #59636e; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3d444d; --faint: #9198a1; --good: #3fb950; --bad: #f85149; }
}
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; }
p { color: var(--faint); margin: .2rem 0 .6rem; }
.verdict { font-weight: 600; } .valid { color: var(--good); } .invalid { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
th { color: var(--faint); font-weight: 500; white-space: nowrap; }
td { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; min-width: 3rem; }
th.number, td.number { text-align: right; white-space: nowrap; overflow-wrap: normal; width: 1%; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10pt; } td { font-size: 8pt; }
  .scroll { overflow: visible; } h2 { break-after: avoid; } tr { break-inside: avoid; }
  thead { display: table-header-group; }
}
</style>
)";

std::string_view Escaped(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

bool HasTitles(const ReportSection& section) {
  for (const ReportSection::Column& column : section.columns) {
    if (!column.title.empty()) {
      return true;
    }
  }
  return false;
}

// Names keep their own direction to themselves.
void AppendCell(std::string& html, std::string_view element, const ReportSection::Column& column,
                std::string_view text) {
  html.append("<").append(element).append(column.number ? R"( class="number">)" : ">");
  html.append("<bdi>").append(HtmlText(text)).append("</bdi></").append(element).append(">");
}

void AppendTable(std::string& html, const ReportSection& section) {
  html.append("<div class=\"scroll\"><table>\n");
  if (HasTitles(section)) {
    html.append("<thead><tr>");
    for (const ReportSection::Column& column : section.columns) {
      AppendCell(html, "th", column, column.title);
    }
    html.append("</tr></thead>\n");
  }
  html.append("<tbody>\n");
  for (const auto& row : section.rows) {
    html.append("<tr>");
    for (std::size_t i = 0; i < section.columns.size(); ++i) {
      AppendCell(html, "td", section.columns[i], row[i]);
    }
    html.append("</tr>\n");
  }
  html.append("</tbody></table></div>\n");
}

void AppendSection(std::string& html, const ReportSection& section) {
  html.append("<section>\n<h2>").append(HtmlText(section.title)).append("</h2>\n");
  if (!section.note.empty()) {
    html.append("<p>").append(HtmlText(section.note)).append("</p>\n");
  }
  AppendTable(html, section);
  if (section.left_out > 0) {
    html.append("<p>and " + std::to_string(section.left_out) + " more</p>\n");
  }
  html.append("</section>\n");
}

}  // namespace

std::string HtmlText(std::string_view text) {
  std::string html;
  for (const char c : base::ForDisplay(text)) {
    const std::string_view escaped = Escaped(c);
    if (escaped.empty()) {
      html += c;
    } else {
      html += escaped;
    }
  }
  return html;
}

std::string ReportHtml(const ReportDocument& document) {
  const std::string title = HtmlText(document.title);
  std::string html(kHead);
  html.append("<title>").append(title).append("</title>\n</head>\n<body>\n<main>\n<h1>");
  html.append(title).append("</h1>\n<p class=\"verdict ");
  html.append(document.valid ? "valid\">The ledger verifies.</p>\n"
                             : "invalid\">The ledger does not verify.</p>\n");
  for (const ReportSection& section : document.sections) {
    AppendSection(html, section);
  }
  return html.append("</main>\n</body>\n</html>\n");
}

}  // namespace aegis::cli
