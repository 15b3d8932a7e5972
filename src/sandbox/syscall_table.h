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
  kNotOpath2,         // open(2): flags in argument 1 lack O_PATH
  kNotOpath3,         // openat(2): flags in argument 2 lack O_PATH
  kNewNamespace,      // clone(2): argument 0 asks for a namespace, or to escape from the tracer
  kUnshareNamespace,  // unshare(2): the same, time namespaces too (the bit is a signal in clone)
  kTerminalIoctl,     // ioctl(2): injects terminal input
  kInodeIoctl,        // ioctl(2): changes an inode or makes one, through a read-only descriptor
  kOddSocket,         // socket(2): neither Unix stream/seqpacket nor plain TCP or UDP
  kDatagramPair,      // socketpair(2): not stream or seqpacket
  kAddressed,         // sendto(2): argument 4 is not NULL
  kOddPersonality,    // personality(2): not PER_LINUX, ADDR_NO_RANDOMIZE or the query
};

struct SyscallRow {
  std::string_view name;
  int x86_64 = -1;  // the number; -1: the architecture does not have it
  Treatment run = Treatment::kAllow;
  Treatment wrap = Treatment::kAllow;
  When when = When::kAlways;
};

// Every call that is not simply allowed, in order of number; of several rows with one number the
// first whose condition holds counts. Numbers above kNewestSyscall are ENOSYS: nobody has looked at
// them yet.
std::span<const SyscallRow> SyscallTable();
inline constexpr int kNewestSyscall = 469;

// The name of a number that stands in the table ("openat"); empty for others.
std::string_view SyscallName(int number);

inline Treatment TreatmentIn(const SyscallRow& row, Mode mode) {
  return mode == Mode::kRun ? row.run : row.wrap;
}

}  // namespace aegis::sandbox
