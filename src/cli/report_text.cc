#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/output.h"
#include "cli/report_document.h"
#include "cli/text.h"

namespace aegis::cli {
namespace {

using Row = std::vector<std::string>;

// Beyond it a long name pushes what follows to the right in its own line alone.
constexpr std::size_t kWidest = 48;

// Figures stand in front, where they line up however long the names are.
std::vector<std::size_t> Order(const ReportSection& section) {
  std::vector<std::size_t> order;
  for (const bool numbers : {true, false}) {
    for (std::size_t i = 0; i < section.columns.size(); ++i) {
      if (section.columns[i].number == numbers) {
        order.push_back(i);
      }
    }
  }
  return order;
}

Row Titles(const ReportSection& section) {
  Row titles;
  for (const ReportSection::Column& column : section.columns) {
    titles.push_back(column.title);
  }
  return titles;
}

std::vector<std::size_t> Widths(const std::vector<Row>& rows, std::size_t columns) {
  std::vector<std::size_t> widths(columns, 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) {
      widths[i] = std::max(widths[i], std::min(Characters(row[i]), kWidest));
    }
  }
  return widths;
}

std::string Line(const ReportSection& section, const std::vector<std::size_t>& order,
                 const std::vector<std::size_t>& widths, const Row& row) {
  std::string line;
  for (const std::size_t column : order) {
    const std::string& cell = row[column];
    const bool number = section.columns[column].number;
    const std::size_t missing = widths[column] - std::min(widths[column], Characters(cell));
    line.append(2, ' ');
    line.append(number ? missing : 0, ' ').append(cell).append(number ? 0 : missing, ' ');
  }
  line.resize(line.find_last_not_of(' ') + 1);
  return line;
}

void AppendSection(std::string& text, const ReportSection& section, const Output& out) {
  std::vector<Row> rows = {Titles(section)};
  for (const Row& row : section.rows) {
    Row& shown = rows.emplace_back();
    for (const std::string& cell : row) {
      shown.push_back(base::ForDisplay(cell));
    }
  }
  const std::vector<std::size_t> order = Order(section);
  const std::vector<std::size_t> widths = Widths(rows, section.columns.size());
  text.append("\n").append(out.Strong(section.title)).append("\n");
  if (!section.note.empty()) {
    text.append("  ").append(out.Faint(section.note)).append("\n");
  }
  for (const Row& row : rows) {
    const bool titles = &row == &rows.front();
    const std::string line = Line(section, order, widths, row);
    if (!line.empty()) {
      text.append(titles ? out.Faint(line) : line).append("\n");
    }
  }
  if (section.left_out > 0) {
    text.append("  and " + std::to_string(section.left_out) + " more\n");
  }
}

}  // namespace

std::string ReportText(const ReportDocument& document, const Output& out) {
  std::string text = out.Strong(base::ForDisplay(document.title)) + "\n";
  for (const ReportSection& section : document.sections) {
    AppendSection(text, section, out);
  }
  return text;
}

}  // namespace aegis::cli
