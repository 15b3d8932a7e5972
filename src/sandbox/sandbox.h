#pragma once

// The agent's sandbox: a pure plan, and the steps that apply it. namespaces.h has their order.
// IWYU pragma: begin_exports
#include "sandbox/builder.h"
#include "sandbox/capabilities.h"
#include "sandbox/filter.h"
#include "sandbox/host_view.h"
#include "sandbox/init.h"
#include "sandbox/landlock.h"
#include "sandbox/mode.h"
#include "sandbox/namespaces.h"
#include "sandbox/plan.h"
#include "sandbox/protections.h"
#include "sandbox/proxy_filter.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"
// IWYU pragma: end_exports
