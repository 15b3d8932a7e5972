#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace aegis::advice {

// Where something stands in a file, both from 1.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

// A value of a YAML or TOML file: what the two formats have in common.
struct Node {
  enum class Kind { kText, kInteger, kBoolean, kList, kTable, kOther };

  Kind kind = Kind::kOther;
  Place at{};
  std::string text{};         // kText
  std::int64_t integer = 0;   // kInteger; kBoolean: 0 or 1
  std::vector<Node> items{};  // kList and kTable, in the order of the file
  std::string key{};          // of a value in a table: its name there, and where that stands
  Place key_at{};
};

enum class Format { kYaml, kToml };

// By the end of the name: .yaml, .yml, .toml.
std::optional<Format> FormatOf(std::string_view file);

// "FILE:LINE:COLUMN: message", as kInvalid. `file` as it is shown.
base::Error Fault(std::string_view file, const Place& at, std::string_view message);

// Reads a document whose top is a table. `file` is its name in errors. kInvalid for what the format
// does not allow, for keys given twice, and beyond kMaxDocument and the limits below it. Of YAML
// one document of block and flow collections with plain and quoted scalars is taken (the core
// schema of YAML 1.2): anchors, aliases and tags are refused, so that nothing grows on reading.
inline constexpr std::size_t kMaxDocument = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxDepth = 16;
inline constexpr std::size_t kMaxNodes = 200'000;
inline constexpr std::size_t kMaxKeys = 64;  // of one YAML table: each is compared with the others
base::Result<Node> ReadDocument(std::string_view text, std::string_view file, Format format);

// The two readers behind it, after size and encoding were checked.
base::Result<Node> ReadYaml(std::string_view text, std::string_view file);
base::Result<Node> ReadToml(std::string_view text, std::string_view file);

}  // namespace aegis::advice
