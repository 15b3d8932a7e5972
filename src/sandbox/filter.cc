#include "sandbox/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"
#include "sandbox/uapi.h"

namespace aegis::sandbox {
namespace {

using Code = std::vector<sock_filter>;

constexpr std::uint32_t kCloneNewTime = 0x80;
constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint32_t kSocketTypeMask = 0xf;  // the rest of the argument is flags
constexpr std::uint32_t kAddrNoRandomize = 0x0040000;
constexpr std::uint32_t kUserfaultfdNew = 0xaa00;  // USERFAULTFD_IOC_NEW, Linux 6.1

// ioctl commands: their type is bits 8-15. All of btrfs and bcachefs (they make subvolumes through
// a directory opened for reading), except the copy-on-write copies that every file system shares.
constexpr std::uint32_t kIoctlTypeMask = 0xff00;
constexpr std::uint32_t kBtrfsType = 0x9400;
constexpr std::uint32_t kBcachefsType = 0xbc00;
constexpr std::uint32_t kFicloneCommand = 0x40049409;
constexpr std::uint32_t kFicloneRangeCommand = 0x4020940d;
constexpr std::uint32_t kFideduperangeCommand = 0xc0189436;
constexpr std::initializer_list<std::uint32_t> kInodeCommands = {
    0x40086602,  // FS_IOC_SETFLAGS
    0x40046602,  // FS_IOC32_SETFLAGS
    0x40087602,  // FS_IOC_SETVERSION
    0x40086604,  // EXT4_IOC_SETVERSION
    0x401c5820,  // FS_IOC_FSSETXATTR
    0x40806685,  // FS_IOC_ENABLE_VERITY
    0x800c6613,  // FS_IOC_SET_ENCRYPTION_POLICY
};

constexpr std::uint32_t ArgumentLow(unsigned index) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + std::size_t{8} * index);
}
constexpr std::uint32_t ArgumentHigh(unsigned index) { return ArgumentLow(index) + 4U; }

constexpr sock_filter Statement(unsigned code, std::uint32_t operand) {
  return {static_cast<std::uint16_t>(code), 0, 0, operand};
}
constexpr sock_filter Load(std::uint32_t offset) {
  return Statement(BPF_LD | BPF_W | BPF_ABS, offset);
}
constexpr sock_filter And(std::uint32_t mask) { return Statement(BPF_ALU | BPF_AND | BPF_K, mask); }
constexpr sock_filter Return(std::uint32_t action) { return Statement(BPF_RET | BPF_K, action); }
constexpr sock_filter Jump(std::size_t distance) {
  return Statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance));
}
constexpr sock_filter Branch(unsigned test, std::uint32_t operand, std::size_t if_true,
                             std::size_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), static_cast<std::uint8_t>(if_true),
          static_cast<std::uint8_t>(if_false), operand};
}

std::uint32_t ActionOf(Treatment treatment) {
  switch (treatment) {
    case Treatment::kAllow:
      return SECCOMP_RET_ALLOW;
    case Treatment::kNotify:
      return SECCOMP_RET_USER_NOTIF;
    case Treatment::kEperm:
      return SECCOMP_RET_ERRNO | EPERM;
    case Treatment::kEnosys:
      return SECCOMP_RET_ERRNO | ENOSYS;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

void Append(Code& code, const Code& more) { code.insert(code.end(), more.begin(), more.end()); }

// `operand` is one of `values`: runs what follows at once; else skips `skip` instructions.
Code OneOf(std::initializer_list<std::uint32_t> values, std::size_t skip) {
  Code code;
  std::size_t left = values.size();
  for (const std::uint32_t value : values) {
    --left;
    code.push_back(Branch(BPF_JEQ, value, left, left == 0 ? skip : 0));
  }
  return code;
}

// `operand` is one of `values`: skips `skip` instructions; else runs what follows.
Code NoneOf(std::initializer_list<std::uint32_t> values, std::size_t skip) {
  Code code;
  std::size_t left = values.size();
  for (const std::uint32_t value : values) {
    --left;
    code.push_back(Branch(BPF_JEQ, value, left + skip, 0));
  }
  return code;
}

// Each of the following is code that falls through to its end when the condition holds, and skips
// the one instruction after its end when it does not.

Code WhenBits(unsigned argument, std::uint32_t bits) {
  return {Load(ArgumentLow(argument)), Branch(BPF_JSET, bits, 0, 1)};
}

Code WhenNoBits(unsigned argument, std::uint32_t bits) {
  return {Load(ArgumentLow(argument)), Branch(BPF_JSET, bits, 1, 0)};
}

// What makes an open more than a plain read. O_TMPFILE's own bit; that of O_DIRECTORY differs.
constexpr std::uint32_t MoreThanReading(Arch arch) {
  constexpr std::uint32_t kTmpFileBit = 020000000;
  const std::uint32_t directory = arch == Arch::kX64 ? 0200000U : 040000U;
  return O_ACCMODE | O_CREAT | O_TRUNC | kTmpFileBit | directory;
}

Code WhenNotPlainRead(unsigned argument, Arch arch) {
  return {Load(ArgumentLow(argument)), Branch(BPF_JSET, O_PATH, 2, 0),
          Branch(BPF_JSET, MoreThanReading(arch), 0, 1)};
}

Code WhenInodeIoctl() {
  Code types = {And(kIoctlTypeMask)};
  Append(types, OneOf({kBtrfsType, kBcachefsType}, 1));
  Code code = {Load(ArgumentLow(1))};
  Append(code, NoneOf({kFicloneCommand, kFicloneRangeCommand, kFideduperangeCommand},
                      kInodeCommands.size() + types.size() + 1));
  Append(code, NoneOf(kInodeCommands, types.size()));
  Append(code, types);
  return code;
}

Code WhenOddSocket() {
  // From the end: the type of a Unix socket, the type and protocol of an internet socket.
  Code unix_type = {Load(ArgumentLow(1)), And(kSocketTypeMask)};
  Append(unix_type, NoneOf({SOCK_STREAM, SOCK_SEQPACKET}, 1));
  Code internet = {Load(ArgumentLow(1)), And(kSocketTypeMask)};
  Code protocol = {Load(ArgumentLow(2))};
  Append(protocol, NoneOf({0, IPPROTO_TCP, IPPROTO_UDP}, unix_type.size() + 2));
  protocol.push_back(Jump(unix_type.size()));
  Append(internet, OneOf({SOCK_STREAM, SOCK_DGRAM}, protocol.size() - 1));
  Append(internet, protocol);
  Code code = {Load(ArgumentLow(0)), Branch(BPF_JEQ, AF_UNIX, internet.size() + 3, 0),
               Branch(BPF_JEQ, AF_INET, 2, 0), Branch(BPF_JEQ, AF_INET6, 1, 0),
               Jump(internet.size() + unix_type.size())};
  Append(code, internet);
  Append(code, unix_type);
  return code;
}

Code WhenNotTcpSocket() {
  Code protocol = {Load(ArgumentLow(2))};
  Append(protocol, NoneOf({0, IPPROTO_TCP}, 1));
  Code code = {Load(ArgumentLow(0))};
  Append(code, OneOf({AF_INET, AF_INET6}, protocol.size() + 3));
  Append(code, {Load(ArgumentLow(1)), And(kSocketTypeMask),
                Branch(BPF_JEQ, SOCK_STREAM, 0, protocol.size())});
  Append(code, protocol);
  return code;
}

// IP_OPTIONS may hold a source route, and IPv6 headers a routing header: with one, packets of a
// connection that was judged by its address go elsewhere first (ip(7), RFC 791, RFC 8200).
Code WhenRouteOption() {
  Code options = {Load(ArgumentLow(2))};
  Append(options, OneOf({IPV6_2292HOPOPTS, IPV6_2292DSTOPTS, IPV6_2292RTHDR, IPV6_2292PKTOPTIONS,
                         IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RTHDR, IPV6_DSTOPTS},
                        1));
  Code code = {Load(ArgumentLow(1)), Branch(BPF_JEQ, IPPROTO_IP, 0, 2), Load(ArgumentLow(2)),
               Branch(BPF_JEQ, IP_OPTIONS, options.size() + 1, options.size() + 2),
               Branch(BPF_JEQ, IPPROTO_IPV6, 0, options.size() + 1)};
  Append(code, options);
  return code;
}

Code Condition(When when, Arch arch) {
  switch (when) {
    case When::kAlways:
      return {};
    case When::kNotOpath2:
      return WhenNoBits(1, O_PATH);
    case When::kNotOpath3:
      return WhenNoBits(2, O_PATH);
    case When::kNotPlainRead2:
      return WhenNotPlainRead(1, arch);
    case When::kNotPlainRead3:
      return WhenNotPlainRead(2, arch);
    case When::kNewNamespace:
      return WhenBits(0, kNewNamespaces | CLONE_UNTRACED);
    case When::kNoThread:
      return WhenNoBits(0, CLONE_THREAD);
    case When::kUnshareNamespace:
      return WhenBits(0, kNewNamespaces | kCloneNewTime);
    case When::kTerminalIoctl: {
      Code code = {Load(ArgumentLow(1))};
      Append(code, OneOf({TIOCSTI, TIOCLINUX, kUserfaultfdNew}, 1));
      return code;
    }
    case When::kInodeIoctl:
      return WhenInodeIoctl();
    case When::kOddSocket:
      return WhenOddSocket();
    case When::kUnixSocket:
      return {Load(ArgumentLow(0)), Branch(BPF_JEQ, AF_UNIX, 0, 1)};
    case When::kDatagramPair: {
      Code code = {Load(ArgumentLow(1)), And(kSocketTypeMask)};
      Append(code, NoneOf({SOCK_STREAM, SOCK_SEQPACKET}, 1));
      return code;
    }
    case When::kNotTcpSocket:
      return WhenNotTcpSocket();
    case When::kRouteOption:
      return WhenRouteOption();
    case When::kAddressed:
      return {Load(ArgumentLow(4)), Branch(BPF_JEQ, 0, 0, 2), Load(ArgumentHigh(4)),
              Branch(BPF_JEQ, 0, 1, 0)};
    case When::kOddPersonality: {
      Code code = {Load(ArgumentLow(0))};
      Append(code, NoneOf({0, kAddrNoRandomize, 0xffffffffU}, 1));
      return code;
    }
  }
  return {};
}

// All numbers from `first` up to the next range's get `code`.
struct Range {
  std::uint32_t first = 0;
  Code code;
};

bool SameCode(const Code& a, const Code& b) {
  return std::ranges::equal(a, b, [](const sock_filter& x, const sock_filter& y) {
    return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
  });
}

void AddRange(std::vector<Range>& ranges, std::uint32_t first, Code code) {
  if (!ranges.empty() && ranges.back().first == first) {
    ranges.pop_back();
  }
  if (ranges.empty() || !SameCode(ranges.back().code, code)) {
    ranges.push_back({first, std::move(code)});
  }
}

std::uint32_t Number(const SyscallRow& row, Arch arch) {
  return static_cast<std::uint32_t>(NumberOn(row, arch));
}

// The code of the call that `rows` begin with, and how many of them are about it.
std::pair<Code, std::size_t> CallCode(Mode mode, Arch arch, Level level,
                                      std::span<const SyscallRow> rows) {
  const std::uint32_t number = Number(rows.front(), arch);
  Code code;
  bool decided = false;
  std::size_t taken = 0;
  for (; taken < rows.size() && Number(rows[taken], arch) == number; ++taken) {
    const SyscallRow& row = rows[taken];
    Append(code, Condition(ConditionAt(row, mode, level), arch));
    code.push_back(Return(ActionOf(TreatmentIn(row, mode))));
    decided = row.when == When::kAlways;
  }
  if (!decided) {
    code.push_back(Return(SECCOMP_RET_ALLOW));
  }
  return {std::move(code), taken};
}

std::vector<Range> RangesOf(Mode mode, Arch arch, Level level, std::span<const SyscallRow> table) {
  const Code unknown = {Return(SECCOMP_RET_ERRNO | ENOSYS)};
  std::vector<Range> ranges;
  AddRange(ranges, 0, unknown);
  while (!table.empty()) {
    const std::uint32_t number = Number(table.front(), arch);
    auto [code, taken] = CallCode(mode, arch, level, table);
    AddRange(ranges, number, std::move(code));
    AddRange(ranges, number + 1, unknown);
    table = table.subspan(taken);
  }
  return ranges;
}

// The decision among `ranges`, the number being in the accumulator. Recursion: log2 of the table.
Code Tree(std::span<const Range> ranges) {  // NOLINT(misc-no-recursion)
  if (ranges.size() == 1) {
    return ranges.front().code;
  }
  const std::size_t middle = ranges.size() / 2;
  const Code below = Tree(ranges.first(middle));
  const std::uint32_t pivot = ranges[middle].first;
  Code code;
  if (below.size() <= UINT8_MAX) {
    code.push_back(Branch(BPF_JGE, pivot, below.size(), 0));
  } else {
    code.push_back(Branch(BPF_JGE, pivot, 0, 1));
    code.push_back(Jump(below.size()));
  }
  Append(code, below);
  Append(code, Tree(ranges.subspan(middle)));
  return code;
}

}  // namespace

std::vector<sock_filter> BuildFilter(Mode mode, Arch arch, Level level,
                                     std::span<const SyscallRow> table) {
  const std::uint32_t audit_arch = arch == Arch::kX64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
  Code code = {Load(offsetof(seccomp_data, arch)), Branch(BPF_JEQ, audit_arch, 1, 0),
               Return(SECCOMP_RET_KILL_PROCESS), Load(offsetof(seccomp_data, nr))};
  Append(code, Tree(RangesOf(mode, arch, level, table)));
  return code;
}

std::vector<sock_filter> BuildFilter(Mode mode, Arch arch, Level level) {
  return BuildFilter(mode, arch, level, SyscallTable(arch));
}

base::Result<base::UniqueFd> InstallFilter(const std::vector<sock_filter>& program) {
  Code code = program;
  sock_fprog header{};
  header.len = static_cast<unsigned short>(code.size());
  header.filter = code.data();
  const int fd = uapi::Seccomp(
      SECCOMP_SET_MODE_FILTER,
      SECCOMP_FILTER_FLAG_NEW_LISTENER | uapi::kSeccompFilterWaitKillableRecv, &header);
  if (fd >= 0) {
    return base::UniqueFd(fd);
  }
  if (errno == EBUSY) {
    return base::Fail(base::Errc::kUnsupported,
                      "seccomp: this process tree already has a user notification listener "
                      "(another gate is watching it)");
  }
  if (errno == EINVAL || errno == ENOSYS) {
    return base::Fail(base::Errc::kUnsupported,
                      "seccomp user notification with a killable wait is missing: Linux 5.19 or "
                      "newer is needed");
  }
  return base::FailErrno("install the seccomp filter");
}

}  // namespace aegis::sandbox
