#define TOML_HEADER_ONLY 1
// As in config/settings.cc: the library's own check reports the same as an error.
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advice/document.h"
#include "base/result.h"
#include "config/toml_scan.h"

namespace aegis::advice {
namespace {

Place PlaceOf(const toml::source_region& where) {
  return {.line = where.begin.line, .column = where.begin.column};
}

bool IsBefore(const Place& a, const Place& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

class Converter {
 public:
  explicit Converter(std::string_view file) : file_(file) {}

  base::Result<Node> Value(const toml::node& from, std::size_t depth) {
    Node node{.at = PlaceOf(from.source())};
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      return base::Fail(
          Fault(file_, node.at, depth > kMaxDepth ? "nested too deeply" : "too many values"));
    }
    if (const auto* const text = from.as_string()) {
      node.kind = Node::Kind::kText;
      node.text = text->get();
    } else if (const auto* const integer = from.as_integer()) {
      node.kind = Node::Kind::kInteger;
      node.integer = integer->get();
    } else if (const auto* const boolean = from.as_boolean()) {
      node.kind = Node::Kind::kBoolean;
      node.integer = boolean->get() ? 1 : 0;
    } else if (const auto* const list = from.as_array()) {
      node.kind = Node::Kind::kList;
      for (const toml::node& element : *list) {
        AEGIS_ASSIGN(Node item, Value(element, depth + 1));
        node.items.push_back(std::move(item));
      }
    } else if (const auto* const table = from.as_table()) {
      node.kind = Node::Kind::kTable;
      AEGIS_TRY(Members(*table, depth, node));
    }
    return node;
  }

 private:
  // The library sorts keys by name; here they stand as in the file.
  base::Result<> Members(const toml::table& table, std::size_t depth, Node& node) {
    for (auto&& [key, value] : table) {
      AEGIS_ASSIGN(Node member, Value(value, depth + 1));
      member.key = std::string(key.str());
      member.key_at = PlaceOf(key.source());
      node.items.push_back(std::move(member));
    }
    std::ranges::sort(node.items, IsBefore, &Node::key_at);
    return {};
  }

  std::string_view file_;
  std::size_t nodes_ = 0;
};

// The library's exceptions end here.
base::Result<toml::table> Parse(std::string_view text, std::string_view file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return base::Fail(Fault(file, PlaceOf(error.source()), error.description()));
  }
}

}  // namespace

base::Result<Node> ReadToml(std::string_view text, std::string_view file) {
  if (const auto stray = config::FindStrayCharacter(text)) {
    return base::Fail(Fault(file, {.line = stray->line, .column = stray->column},
                            "characters beyond ASCII belong in strings of one line or comments"));
  }
  AEGIS_ASSIGN(const toml::table table, Parse(text, file));
  return Converter(file).Value(table, 0);
}

}  // namespace aegis::advice
