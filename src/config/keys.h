#pragma once

#include <span>
#include <string_view>

namespace aegis::config {

// The TOML type that a key wants.
enum class KeyType {
  kString,
  kInteger,
  kBoolean,
  kStringOrNull,  // or the word null, which is no TOML, but stands in files that users have
  kStrings,       // array of strings
  kTable,         // its keys are in the table too
  kTables,        // array of tables; the keys of its elements are in the table too
  kNameOrTable,   // one of `choices`, or a table whose keys are in the table too
};

// One key of aegis.toml, named by its path of keys joined with dots.
struct KeySpec {
  std::string_view path;
  KeyType type;
  // Where these are all the values of a string (or of each of kStrings) that there are; the case of
  // letters does not count.
  std::span<const std::string_view> choices{};
};

// The key of that path, or null if there is none.
const KeySpec* FindKey(std::string_view path);

// The known key most like an unknown one, or "" if none is close.
std::string_view NearestKey(std::string_view path);

// The name of a type in messages, e.g. "a string".
std::string_view KeyTypeName(KeyType type);

}  // namespace aegis::config
