#pragma once

#include <span>
#include <string>

// The public header of the module: the command `aegis`.
namespace aegis::cli {

struct Context;

// Runs one command line (argv without argv[0]) and gives the exit code. Never throws.
int Main(std::span<const std::string> words, Context& context);

}  // namespace aegis::cli
