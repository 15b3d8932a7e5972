#pragma once

// Internal to aegis::ledger.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace aegis::ledger {

// What stands in place of a secret.
inline constexpr std::string_view kMasked = "[masked]";

// Replaces what is obviously secret in one piece of text: credentials in URLs, bearer and basic
// authorisation, tokens that their form gives away (GitHub, OpenAI, AWS, Slack, Google, GitLab,
// JWT), private key blocks, and values of variables or options named like a secret (TOKEN=...,
// --password=...). nullopt if there is nothing to mask, which costs no allocation.
std::optional<std::string> MaskText(std::string_view text);

// The argument at `index` of argv, masked with its neighbour in mind: the value after an option
// such as --password is masked whole.
std::optional<std::string> MaskArgument(std::span<const std::string> argv, std::size_t index);

}  // namespace aegis::ledger
