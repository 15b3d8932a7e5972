#include "gate/mappings.h"

#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::gate {

namespace {

// The next field of a line, which is cut off.
std::string_view Field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

template <typename Value>
Value Number(std::string_view text, int base) {
  Value value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// The kernel writes a newline as \\012, and nothing else in another way.
std::string Unescaped(std::string_view text) {
  constexpr std::string_view kNewline = "\\012";
  std::string name(text);
  for (std::size_t at = 0; (at = name.find(kNewline, at)) != std::string::npos; ++at) {
    name.replace(at, kNewline.size(), "\n");
  }
  return name;
}

}  // namespace

std::optional<Mapping> MappingAt(std::string_view maps, std::uint64_t address) {
  while (!maps.empty()) {
    std::string_view line = maps.substr(0, maps.find('\n'));
    maps.remove_prefix(std::min(line.size() + 1, maps.size()));
    const std::string_view range = Field(line);
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos ||
        address < Number<std::uint64_t>(range.substr(0, dash), 16) ||
        address >= Number<std::uint64_t>(range.substr(dash + 1), 16)) {
      continue;
    }
    Field(line);  // rights
    Field(line);  // offset
    Field(line);  // device: not stat(2)'s on every file system
    const auto inode = Number<ino_t>(Field(line), 10);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return inode == 0 ? std::nullopt : std::optional(Mapping{inode, Unescaped(line)});
  }
  return std::nullopt;
}

}  // namespace aegis::gate
