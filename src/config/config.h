#pragma once

// The public header of the module: where Aegis' state lies, and what a configuration says.
#include "config/checked.h"         // IWYU pragma: export
#include "config/configuration.h"   // IWYU pragma: export
#include "config/environment.h"     // IWYU pragma: export
#include "config/home.h"            // IWYU pragma: export
#include "config/name.h"            // IWYU pragma: export
#include "config/nearest.h"         // IWYU pragma: export
#include "config/policy_install.h"  // IWYU pragma: export
#include "config/program.h"         // IWYU pragma: export
#include "config/published_port.h"  // IWYU pragma: export
#include "config/settings.h"        // IWYU pragma: export
#include "config/staging.h"         // IWYU pragma: export
