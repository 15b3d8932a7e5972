#pragma once

// What the shim writes down, and the tests read: one record after the other, a ShimRecord and then
// the path, the other path, and the bytes.

#include <cstdint>

namespace aegis::ledger::faults {

enum class ShimOp : std::uint32_t {
  kCreate,     // a new file
  kMkdir,      // a new directory
  kWrite,      // bytes at an offset, by a call or through a mapping
  kTruncate,   // to `size`
  kAllocate,   // zeros at an offset, `size` of them, where nothing was
  kPunch,      // zeros at an offset, `size` of them
  kSync,       // of a file, after it has returned
  kSyncNames,  // of a directory, after it has returned
  kRename,     // to the other path
  kUnlink,
  kAcknowledge,  // the process has told the world, with these bytes
};

struct ShimRecord {
  ShimOp op = ShimOp::kWrite;
  std::uint32_t path_size = 0;
  std::uint32_t other_size = 0;
  std::uint32_t bytes_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// The shim's settings, by environment.
inline constexpr const char* kShimRoot = "AEGIS_SHIM_ROOT";    // calls on files below it count
inline constexpr const char* kShimCalls = "AEGIS_SHIM_CALLS";  // gets a line per call: name, path
inline constexpr const char* kShimAt = "AEGIS_SHIM_AT";        // which call goes wrong, from 1 on
inline constexpr const char* kShimFault = "AEGIS_SHIM_FAULT";  // how: one of kFaultNames
inline constexpr const char* kShimLog = "AEGIS_SHIM_LOG";      // gets the records
inline constexpr const char* kShimAcknowledge = "AEGIS_SHIM_ACKNOWLEDGE";  // descriptor

}  // namespace aegis::ledger::faults
