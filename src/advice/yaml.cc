#include <yaml.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "advice/document.h"
#include "base/result.h"

namespace aegis::advice {
namespace {

// One event of the library's parser, freed with it.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw_); }

  yaml_event_t& raw() { return raw_; }
  yaml_event_type_t type() const { return raw_.type; }
  Place at() const {
    return {.line = raw_.start_mark.line + 1, .column = raw_.start_mark.column + 1};
  }

 private:
  yaml_event_t raw_{};
};

std::string_view View(const yaml_char_t* text, std::size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

// An integer in decimal; nothing for other text, nor for a number that is too large.
std::optional<std::int64_t> Integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

// A scalar without quotes is what the core schema of YAML 1.2 makes of it.
void Resolve(Node& node) {
  if (IsOneOf(node.text, {"", "~", "null", "Null", "NULL"})) {
    node.kind = Node::Kind::kOther;
  } else if (IsOneOf(node.text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    node.kind = Node::Kind::kBoolean;
    node.integer = node.text.size() == std::string_view("true").size() ? 1 : 0;
  } else if (const auto number = Integer(node.text)) {
    node.kind = Node::Kind::kInteger;
    node.integer = *number;
  }
  if (node.kind != Node::Kind::kText) {
    node.text.clear();
  }
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view file) : file_(file) {
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (ready_) {
      yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
      yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                   text.size());
    }
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (ready_) {
      yaml_parser_delete(&parser_);
    }
  }

  base::Result<Node> Document() {
    if (!ready_) {
      return base::Fail(base::Errc::kExhausted, std::string(file_) + ": no memory to read it");
    }
    AEGIS_TRY(Skip(YAML_STREAM_START_EVENT));
    AEGIS_TRY(Skip(YAML_DOCUMENT_START_EVENT));
    Event first;
    AEGIS_TRY(Next(first));
    AEGIS_ASSIGN(Node top, Value(first, 0));
    AEGIS_TRY(Skip(YAML_DOCUMENT_END_EVENT));
    AEGIS_TRY(Skip(YAML_STREAM_END_EVENT));
    return top;
  }

 private:
  base::Result<> Next(Event& event) {
    if (yaml_parser_parse(&parser_, &event.raw()) == 1) {
      return {};
    }
    const yaml_mark_t& mark = parser_.problem_mark;
    const std::string problem = parser_.problem == nullptr ? "no YAML" : parser_.problem;
    // What people meet first: names of ours that begin with a character of YAML's own.
    const std::string hint =
        problem.find("cannot start any token") == std::string::npos ? "" : " (quote the text)";
    return base::Fail(
        Fault(file_, {.line = mark.line + 1, .column = mark.column + 1}, problem + hint));
  }

  base::Result<> Skip(yaml_event_type_t type) {
    Event event;
    AEGIS_TRY(Next(event));
    if (event.type() == type) {
      return {};
    }
    return base::Fail(Fault(file_, event.at(),
                            type == YAML_STREAM_END_EVENT
                                ? "one document is read, and here is another"
                                : "the file is empty"));
  }

  base::Result<Node> Value(Event& event, std::size_t depth) {
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      return base::Fail(
          Fault(file_, event.at(), depth > kMaxDepth ? "nested too deeply" : "too many values"));
    }
    switch (event.type()) {
      case YAML_SCALAR_EVENT:
        return Scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        AEGIS_TRY(Plain(event, event.raw().data.sequence_start.anchor,
                        event.raw().data.sequence_start.tag));
        return List(event.at(), depth);
      case YAML_MAPPING_START_EVENT:
        AEGIS_TRY(Plain(event, event.raw().data.mapping_start.anchor,
                        event.raw().data.mapping_start.tag));
        return Table(event.at(), depth);
      default:
        return base::Fail(Fault(file_, event.at(), "anchors, aliases and tags are not read"));
    }
  }

  // What an alias could repeat, and what a tag could make of a value, is refused.
  base::Result<> Plain(const Event& event, const yaml_char_t* anchor, const yaml_char_t* tag) {
    if (anchor == nullptr && tag == nullptr) {
      return {};
    }
    return base::Fail(Fault(file_, event.at(), "anchors, aliases and tags are not read"));
  }

  base::Result<Node> Scalar(Event& event) {
    const auto& scalar = event.raw().data.scalar;
    AEGIS_TRY(Plain(event, scalar.anchor, scalar.tag));
    Node node{.kind = Node::Kind::kText, .at = event.at()};
    node.text = View(scalar.value, scalar.length);
    if (scalar.style == YAML_PLAIN_SCALAR_STYLE) {
      Resolve(node);
    }
    return node;
  }

  base::Result<Node> List(const Place& at, std::size_t depth) {
    Node list{.kind = Node::Kind::kList, .at = at};
    while (true) {
      Event event;
      AEGIS_TRY(Next(event));
      if (event.type() == YAML_SEQUENCE_END_EVENT) {
        return list;
      }
      AEGIS_ASSIGN(Node item, Value(event, depth + 1));
      list.items.push_back(std::move(item));
    }
  }

  base::Result<Node> Table(const Place& at, std::size_t depth) {
    Node table{.kind = Node::Kind::kTable, .at = at};
    while (true) {
      Event event;
      AEGIS_TRY(Next(event));
      if (event.type() == YAML_MAPPING_END_EVENT) {
        return table;
      }
      if (event.type() != YAML_SCALAR_EVENT) {
        return base::Fail(Fault(file_, event.at(), "a key must be text"));
      }
      AEGIS_ASSIGN(const Node key, Scalar(event));
      if (table.items.size() == kMaxKeys) {
        return base::Fail(Fault(file_, key.at, "too many keys in one table"));
      }
      if (std::ranges::find(table.items, key.text, &Node::key) != table.items.end()) {
        return base::Fail(Fault(file_, key.at, "\"" + key.text + "\" is given twice"));
      }
      Event follows;
      AEGIS_TRY(Next(follows));
      AEGIS_ASSIGN(Node value, Value(follows, depth + 1));
      value.key = key.text;
      value.key_at = key.at;
      table.items.push_back(std::move(value));
    }
  }

  std::string_view file_;
  yaml_parser_t parser_{};
  bool ready_ = false;
  std::size_t nodes_ = 0;
};

}  // namespace

base::Result<Node> ReadYaml(std::string_view text, std::string_view file) {
  return Reader(text, file).Document();
}

}  // namespace aegis::advice
