#pragma once

#include <string>
#include <string_view>

namespace aegis::config {

// The sets of policies of one configuration that passed a check in a process of its own, by key (64
// lower-case hex digits), so that a run does not pay for it again. They stand in the file `checked`
// of the state directory, which only its owner may change; the newest 64 are kept. A file that is
// missing, unreadable, or not to the byte as Remember() writes it remembers nothing.
bool IsRemembered(const std::string& state_dir, std::string_view key);

// Best effort: what can't be written is not remembered.
void Remember(const std::string& state_dir, std::string_view key);

}  // namespace aegis::config
