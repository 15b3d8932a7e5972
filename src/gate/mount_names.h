#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aegis::gate {

// The names under which bind mounts show `path`, a canonical path, or something below it; `path`
// itself is the first. `mountinfo`: the text of /proc/self/mountinfo (proc_pid_mountinfo(5)).
std::vector<std::string> NamesThroughMounts(std::string_view mountinfo, const std::string& path);

// Where a procfs is mounted beside /proc.
std::vector<std::string> OtherProcs(std::string_view mountinfo);

}  // namespace aegis::gate
