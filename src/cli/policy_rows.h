#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/output.h"
#include "policy/policy.h"

// Policies as commands show them.
namespace aegis::cli {

// "1 policy", "2 policies".
std::string Policies(std::size_t number);

// "FileRead, DirList", or "any action".
std::string ActionsOf(const policy::PolicySet::Info& info);

// {id, effect, ask, actions[], applies, file, line, reason} of each.
nlohmann::ordered_json PolicyRows(std::span<const policy::PolicySet::Info> policies);

// The same as aligned lines for people: "permit  ID  FileRead  FILE:LINE  REASON".
std::vector<std::string> PolicyLines(const Output& out,
                                     std::span<const policy::PolicySet::Info> policies);

// {file, digest} of each source: SHA-256 (hex) of its text.
nlohmann::ordered_json FileRows(std::span<const policy::Source> sources);

}  // namespace aegis::cli
