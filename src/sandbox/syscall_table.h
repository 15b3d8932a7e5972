#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/mode.h"

namespace aegis::sandbox {

// What becomes of a system call.
enum class Treatment : std::uint8_t {
  kAllow,
  kNotify,  // the supervisor is asked
  kEperm,
  kEnosys,
};

// For which arguments a row's treatment holds; the call is allowed otherwise. Only registers are
// looked at: memory could change after the check.
enum class When : std::uint8_t {
  kAlways,
  kNotOpath2,       // open(2): flags in argument 1 lack O_PATH
  kNotOpath3,       // openat(2): flags in argument 2 lack O_PATH
  kNewNamespace,    // clone(2), unshare(2): argument 0 asks for a namespace
  kHostileIoctl,    // ioctl(2): injects terminal input, or changes an inode's flags
  kOddSocket,       // socket(2): no AF_UNIX stream/seqpacket, no AF_INET/AF_INET6 stream/datagram
  kDatagramPair,    // socketpair(2): not stream or seqpacket
  kAddressed,       // sendto(2): argument 4 is not NULL
  kOddPersonality,  // personality(2): not PER_LINUX, ADDR_NO_RANDOMIZE or the query
};

struct SyscallRow {
  std::string_view name;
  int x86_64 = -1;  // the number; -1: the architecture does not have it
  Treatment run = Treatment::kAllow;
  Treatment wrap = Treatment::kAllow;
  When when = When::kAlways;
};

// Every call that is not simply allowed, in order of number. Numbers above kNewestSyscall are
// ENOSYS: nobody has looked at them yet.
std::span<const SyscallRow> SyscallTable();
inline constexpr int kNewestSyscall = 469;

// The row of a number, nullptr if it has none.
const SyscallRow* FindSyscall(int number);

inline Treatment TreatmentIn(const SyscallRow& row, Mode mode) {
  return mode == Mode::kRun ? row.run : row.wrap;
}

}  // namespace aegis::sandbox
