#include "cli/roff.h"

#include <string>
#include <string_view>

namespace aegis::cli {
namespace {

// Characters that roff sets as others, or reads as its own.
std::string_view EscapeOf(char c) {
  switch (c) {
    case '\\':
      return "\\e";
    case '-':
      return "\\-";
    case '\'':
      return "\\(aq";
    case '`':
      return "\\(ga";
    case '"':
      return "\\(dq";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    default:
      return {};
  }
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return upper;
}

// One argument of a request.
std::string Quoted(std::string_view text) { return "\"" + RoffText(text) + "\""; }

}  // namespace

std::string RoffText(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) {
      out += "\\&";
    }
    line_begins = c == '\n';
    const std::string_view escape = EscapeOf(c);
    if (escape.empty()) {
      out += c;
    } else {
      out += escape;
    }
  }
  while (out.ends_with('\n')) {
    out.pop_back();
  }
  return out;
}

ManPage::ManPage(std::string_view title, std::string_view version) {
  text_ += ".TH " + Quoted(Upper(title)) + " 1 \"\" " + Quoted(version) + " \"User Commands\"\n";
  // No hyphenation, left-adjusted: names of options stay whole.
  text_ += ".nh\n.ad l\n";
}

void ManPage::Section(std::string_view name) { text_ += ".SH " + Quoted(name) + "\n"; }

void ManPage::Subsection(std::string_view name) { text_ += ".SS " + Quoted(name) + "\n"; }

void ManPage::Paragraph(std::string_view text) { text_ += ".PP\n" + RoffText(text) + "\n"; }

void ManPage::Item(std::string_view term, std::string_view text) {
  text_ += ".TP\n\\fB" + RoffText(term) + "\\fR\n" + RoffText(text) + "\n";
}

void ManPage::Example(std::string_view line, std::string_view what) {
  text_ += ".PP\n.EX\n" + RoffText(line) + "\n.EE\n.RS 4\n" + RoffText(what) + "\n.RE\n";
}

}  // namespace aegis::cli
