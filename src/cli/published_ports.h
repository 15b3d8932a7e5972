#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/args.h"
#include "cli/context.h"
#include "config/config.h"
#include "gate/run.h"

namespace aegis::cli {

inline constexpr Option kPublishOption = {
    "--publish", Option::Kind::kTexts, "PORTS",
    "[ADDRESS:]HOSTPORT:PORT: a port of 127.0.0.1, or ADDRESS, leads to PORT inside"};

// The values of --publish. kInvalid, with the value, for one that can't be read.
base::Result<std::vector<config::PublishedPort>> ParsePublished(
    const std::vector<std::string>& flags);

// Has the run publish the ports of the configuration and those of the command line besides; says
// which the kernel chose, and which others can reach. kInvalid for one that is there twice.
base::Result<> AddPublished(Context& context, const std::vector<config::PublishedPort>& given,
                            const config::Configuration& configuration, gate::RunSpec& spec);

}  // namespace aegis::cli
