#pragma once

#include <cstddef>
#include <string>

#include "advice/document.h"
#include "config/config.h"

// What the tests of documents share: one document in both forms.
namespace aegis::advice {

// The value in the inline form of TOML; kOther has none and becomes "".
inline std::string InlineToml(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kInteger:
      return std::to_string(node.integer);
    case Node::Kind::kBoolean:
      return node.integer != 0 ? "true" : "false";
    case Node::Kind::kText:
    case Node::Kind::kOther:
      return config::TomlString(node.text);
    case Node::Kind::kList:
    case Node::Kind::kTable:
      break;
  }
  const bool table = node.kind == Node::Kind::kTable;
  std::string out = table ? "{" : "[";
  for (const Node& item : node.items) {
    out += out.size() > 1 ? ", " : "";
    out += (table ? config::TomlString(item.key) + " = " : "") + InlineToml(item);
  }
  return out + (table ? "}" : "]");
}

// A document as TOML text.
inline std::string AsToml(const Node& top) {
  std::string out;
  for (const Node& item : top.items) {
    out += config::TomlString(item.key) + " = " + InlineToml(item) + "\n";
  }
  return out;
}

// Equal but for the places.
inline bool SameValue(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.integer != b.integer || a.key != b.key ||
      a.items.size() != b.items.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!SameValue(a.items[i], b.items[i])) {
      return false;
    }
  }
  return true;
}

// Whether TOML has a form for all of it.
inline bool IsPlain(const Node& node) {
  bool plain = node.kind != Node::Kind::kOther;
  for (const Node& item : node.items) {
    plain = plain && IsPlain(item);
  }
  return plain;
}

}  // namespace aegis::advice
