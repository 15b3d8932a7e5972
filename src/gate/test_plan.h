#pragma once

#include <string>

#include "sandbox/paths.h"
#include "sandbox/plan.h"

namespace aegis::gate {

// Whether a program inside finds the host's file at a path: the last mount over it decides.
inline bool ShowsHost(const sandbox::Plan& plan, const std::string& path) {
  bool host = plan.whole_root;
  for (const sandbox::Mount& mount : plan.mounts) {
    if (!sandbox::IsWithin(path, mount.target) || mount.kind == sandbox::Mount::Kind::kReadOnly) {
      continue;
    }
    if (mount.kind == sandbox::Mount::Kind::kBind) {
      host = true;
    } else if (mount.kind == sandbox::Mount::Kind::kTmpfs ||
               mount.kind == sandbox::Mount::Kind::kMaskDir ||
               mount.kind == sandbox::Mount::Kind::kMaskFile) {
      host = false;
    }
  }
  return host;
}

}  // namespace aegis::gate
