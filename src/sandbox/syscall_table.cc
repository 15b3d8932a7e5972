#include "sandbox/syscall_table.h"

#include <span>
#include <string_view>

#include "sandbox/syscall_rows.h"

namespace aegis::sandbox {

std::span<const SyscallGroup> SyscallGroups() { return kSyscallGroups; }

std::span<const SyscallRow> SyscallTable(Arch arch) {
  if (arch == Arch::kX64) {
    return kSyscallTable<Arch::kX64>;
  }
  return kSyscallTable<Arch::kArm64>;
}

std::string_view Describe(When when) {
  switch (when) {
    case When::kAlways:
      return "";
    case When::kNotOpath2:
    case When::kNotOpath3:
      return "without O_PATH";
    case When::kNotPlainRead2:
    case When::kNotPlainRead3:
      return "without O_PATH, other than plain reads";
    case When::kNewNamespace:
      return "new namespaces, or no tracer";
    case When::kNoThread:
      return "new processes";
    case When::kUnshareNamespace:
      return "new namespaces";
    case When::kTerminalIoctl:
      return "terminal input, userfaultfd";
    case When::kInodeIoctl:
      return "inode changes";
    case When::kOddSocket:
      return "neither Unix streams nor TCP nor UDP";
    case When::kUnixSocket:
      return "Unix sockets";
    case When::kDatagramPair:
      return "datagrams";
    case When::kNotTcpSocket:
      return "not TCP";
    case When::kRouteOption:
      return "routes and headers of the caller's";
    case When::kAddressed:
      return "with an address";
    case When::kOddPersonality:
      return "another personality";
  }
  return "";
}

std::string_view Describe(Names names) {
  switch (names) {
    case Names::kNothing:
      return "";
    case Names::kPath:
      return "path";
    case Names::kAtPath:
      return "directory and path";
    case Names::kTwoPaths:
      return "two paths";
    case Names::kTwoAtPaths:
      return "two directories and paths";
    case Names::kTextPath:
      return "text and path";
    case Names::kTextAtPath:
      return "text, directory and path";
    case Names::kDescriptor:
      return "descriptor";
    case Names::kDescriptorPath:
      return "descriptor and path";
    case Names::kDescriptorAtPath:
      return "descriptor, directory and path";
    case Names::kProgram:
      return "path and arguments";
    case Names::kAtProgram:
      return "directory, path and arguments";
    case Names::kAddress:
      return "address";
    case Names::kFamily:
      return "socket family";
    case Names::kHandle:
      return "file handle";
    case Names::kNamespaces:
      return "namespaces";
    case Names::kProcess:
      return "process";
    case Names::kQueue:
      return "key or name";
  }
  return "";
}

}  // namespace aegis::sandbox
