#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::config {

// Environments are lists of "NAME=value", as execve takes them.
using Environment = std::vector<std::string>;

// The value of a variable; of two definitions the first counts, as for getenv.
std::optional<std::string_view> FindVariable(std::span<const std::string> environment,
                                             std::string_view name);

// True for names that by their shape hold credentials or the address of an agent that hands them
// out (docs/commands.md lists the patterns). Letters count regardless of case.
bool IsCredentialName(std::string_view name);

struct FilteredEnvironment {
  Environment kept;                  // in the given order
  std::vector<std::string> dropped;  // names only, sorted, without duplicates
};

// What `run` hands to the agent: everything but credentials, except those that `pass` names
// exactly. Entries without a `=` or without a name are dropped silently: no libc reads them.
FilteredEnvironment FilterEnvironment(std::span<const std::string> environment,
                                      std::span<const std::string> pass);

}  // namespace aegis::config
