#pragma once

// The process in the host's network, and what the supervisor tells it and hears from it.
// IWYU pragma: begin_exports
#include "proxy/channel.h"
#include "proxy/host_name.h"
#include "proxy/ip_address.h"
#include "proxy/protocol.h"
#include "proxy/stage.h"
// IWYU pragma: end_exports
