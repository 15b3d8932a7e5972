#pragma once

#include <cstdint>

#include "base/unique_fd.h"

namespace aegis::proxy {

// How far a TCP socket has come with its connection.
enum class Connecting : std::uint8_t { kPending, kStands, kFailed };
Connecting StateOf(const base::UniqueFd& socket);

// What became of it (SO_ERROR), which is forgotten then.
int ErrorOf(const base::UniqueFd& socket);

// setsockopt(2) where a failure changes nothing that matters.
void SetNumber(const base::UniqueFd& socket, int level, int option, int value);

// Whoever closes it now resets the connection.
void ResetWhenClosed(const base::UniqueFd& socket);

}  // namespace aegis::proxy
