#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sandbox/mode.h"

namespace aegis::sandbox {

// The architectures that the table has numbers for.
enum class Arch : std::uint8_t { kX64, kArm64 };

#if defined(__x86_64__)
inline constexpr Arch kNativeArch = Arch::kX64;
#elif defined(__aarch64__)
inline constexpr Arch kNativeArch = Arch::kArm64;
#else
#error "the table of system calls has numbers for x86-64 and arm64 only"
#endif

// What becomes of a system call.
enum class Treatment : std::uint8_t {
  kAllow,
  kNotify,  // the supervisor is asked
  kEperm,
  kEnosys,
};

// How a call is done that is not refused.
enum class How : std::uint8_t {
  kHarmless,  // by the kernel, unasked
  kEmulate,   // by the supervisor, on the object that it judged
  kInject,    // the supervisor opens what it judged and hands the descriptor in
  kContinue,  // by the kernel, after the supervisor was asked
  kRefuse,
};

// What the arguments name.
enum class Names : std::uint8_t {
  kNothing,
  kPath,
  kAtPath,      // relative to a directory's descriptor
  kTwoPaths,    //
  kTwoAtPaths,  //
  kTextPath,    // a link's text, which is not looked up, and the link's own path
  kTextAtPath,  //
  kDescriptor,
  kDescriptorPath,    // what watches, and what is watched
  kDescriptorAtPath,  //
  kProgram,           // a path, and the arguments of the program
  kAtProgram,         //
  kAddress,           // of a socket
  kFamily,            // the family, type and protocol of a socket
  kHandle,            // a file, by what name_to_handle_at(2) said
  kNamespaces,        // flags that may ask for some
  kProcess,
  kQueue,  // a key or name in the ipc namespace
};

// For which arguments a row's treatment holds; the call is allowed otherwise. Only registers are
// looked at: memory could change after the check.
enum class When : std::uint8_t {
  kAlways,
  kNotOpath2,         // open(2): flags in argument 1 lack O_PATH
  kNotOpath3,         // openat(2): flags in argument 2 lack O_PATH
  kNotPlainRead2,     // open(2): flags in argument 1 lack O_PATH and do more than read a file
  kNotPlainRead3,     // openat(2): the same for flags in argument 2
  kNewNamespace,      // clone(2): argument 0 asks for a namespace, or to escape from the tracer
  kNoThread,          // clone(2): argument 0 makes no thread of the caller's process
  kUnshareNamespace,  // unshare(2): the same, time namespaces too (the bit is a signal in clone)
  kTerminalIoctl,     // ioctl(2): injects terminal input, or makes a userfaultfd
  kInodeIoctl,        // ioctl(2): changes an inode or makes one, through a read-only descriptor
  kOddSocket,         // socket(2): neither Unix stream/seqpacket nor plain TCP or UDP
  kUnixSocket,        // socket(2): a Unix socket
  kDatagramPair,      // socketpair(2): not stream or seqpacket
  kNotTcpSocket,      // socket(2): not a stream of IPv4 or IPv6, of the protocol TCP
  kAddressed,         // sendto(2): argument 4 is not NULL
  kRouteOption,       // setsockopt(2): arguments 1 and 2 name a route, or headers, of the caller's
  kOddPersonality,    // personality(2): not PER_LINUX, ADDR_NO_RANDOMIZE or the query
};

struct SyscallRow {
  std::string_view name;
  int x86_64 = -1;  // the number; -1: the architecture does not have it
  int arm64 = -1;
  Treatment run = Treatment::kAllow;
  Treatment wrap = Treatment::kAllow;
  When when = When::kAlways;
  How how = How::kHarmless;
  Names names = Names::kNothing;
  std::string_view actions{};      // what it is judged as; several: by its arguments
  std::string_view why{};          // where the group does not say it
  When at_writes = When::kAlways;  // instead of `when` at Level::kWrites; kAlways: the same
};

// Rows of one theme, for readers.
struct SyscallGroup {
  std::string_view title;
  std::string_view about;  // why these calls are treated as they are
  std::span<const SyscallRow> rows;
};

// Every system call that Linux 6.18 has on one of the architectures, by theme. A number that stands
// in no row is ENOSYS: nobody has looked at it yet.
std::span<const SyscallGroup> SyscallGroups();
inline constexpr int kNewestSyscall = 469;

// The rows of one architecture in order of number; of several with one number the first whose
// condition holds counts.
std::span<const SyscallRow> SyscallTable(Arch arch = kNativeArch);

constexpr int NumberOn(const SyscallRow& row, Arch arch) {
  return arch == Arch::kX64 ? row.x86_64 : row.arm64;
}

constexpr Treatment TreatmentIn(const SyscallRow& row, Mode mode) {
  return mode == Mode::kRun ? row.run : row.wrap;
}

// Only under kRun is anything left to the kernel.
constexpr When ConditionAt(const SyscallRow& row, Mode mode, Level level) {
  const bool narrower = mode == Mode::kRun && level == Level::kWrites;
  return narrower && row.at_writes != When::kAlways ? row.at_writes : row.when;
}

// Whether the supervisor is asked, in some mode.
constexpr bool IsNotified(const SyscallRow& row) {
  return row.run == Treatment::kNotify || row.wrap == Treatment::kNotify;
}

// In words, for reports and documents; "" for kAlways and kNothing.
std::string_view Describe(When when);
std::string_view Describe(Names names);

}  // namespace aegis::sandbox
