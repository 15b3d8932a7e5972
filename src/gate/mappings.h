#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aegis::gate {

// A file that is mapped into a process.
struct Mapping {
  ino_t inode = 0;
  std::string path;  // bytes, as the kernel names it
};

// The mapping that holds `address`, out of /proc/<pid>/maps (proc(5)). Nothing where no file is.
std::optional<Mapping> MappingAt(std::string_view maps, std::uint64_t address);

}  // namespace aegis::gate
