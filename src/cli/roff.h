#pragma once

#include <string>
#include <string_view>

namespace aegis::cli {

// A page for man(7), put together part by part. Text is taken as it stands: what roff would read as
// a request or an escape is written so that it shows.
class ManPage {
 public:
  // `title` as in "aegis-run"; `version` stands at the foot of each page.
  ManPage(std::string_view title, std::string_view version);

  void Section(std::string_view name);
  void Subsection(std::string_view name);
  void Paragraph(std::string_view text);
  // A term and what it means, indented.
  void Item(std::string_view term, std::string_view text);
  // A line to type, as it stands, and what it does.
  void Example(std::string_view line, std::string_view what);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Text in which roff sees no escape and no request. Line ends stay.
std::string RoffText(std::string_view text);

}  // namespace aegis::cli
