#pragma once

#include <string_view>

namespace aegis::ledger {

// Event types of a session with the mode "watch": docs/ledger-format.md describes their payloads.

inline constexpr std::string_view kWatchStarted = "WATCH_STARTED";
inline constexpr std::string_view kSnapshotTaken = "SNAPSHOT_TAKEN";
inline constexpr std::string_view kNameChanged = "NAME_CHANGED";
inline constexpr std::string_view kWatchGap = "WATCH_GAP";

}  // namespace aegis::ledger
