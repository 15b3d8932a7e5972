#pragma once

#include <string>
#include <vector>

#include "sandbox/host_view.h"
#include "sandbox/plan.h"

// Part of plan.h: the mounts of a composed root. Not for other modules.
namespace aegis::sandbox {

// Appends the mounts that show `visible` of the host. Uses plan.masked, and leaves in it only those
// masks that are mounted.
void Compose(const PlanInput& input, const std::vector<std::string>& visible, const HostView& host,
             Plan& plan);

// The mount that hides `path`, according to its kind.
Mount MaskOf(const std::string& path, const HostView& host);

}  // namespace aegis::sandbox
