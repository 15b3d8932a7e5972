#pragma once

#include <span>
#include <string>

namespace aegis::cli {

struct Context;

// The hidden stage behind the completion scripts: prints a line "WORD<tab>ABOUT" for each word that
// the last of `words` may become, then ":files", ":directories" or ":command N" for what the shell
// has to complete by itself. Says nothing else and never fails; the exit code.
int PrintCompletions(Context& context, std::span<const std::string> words);

}  // namespace aegis::cli
