// The filter against a second reading of the table: random calls, decided by plain C++.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <random>
#include <tuple>
#include <vector>

#include "sandbox/bpf_interpreter.h"
#include "sandbox/filter.h"
#include "sandbox/mode.h"
#include "sandbox/syscall_table.h"

namespace aegis::sandbox {
namespace {

using Arguments = std::array<std::uint64_t, 6>;

bool IsOddSocket(std::uint32_t family, std::uint32_t type, std::uint32_t protocol) {
  const std::uint32_t kind = type & 0xfU;
  if (family == AF_UNIX) {
    return kind != SOCK_STREAM && kind != SOCK_SEQPACKET;
  }
  if (family == AF_INET || family == AF_INET6) {
    const bool plain_kind = kind == SOCK_STREAM || kind == SOCK_DGRAM;
    return !plain_kind || (protocol != 0 && protocol != 6 && protocol != 17);
  }
  return true;
}

bool IsInodeIoctl(std::uint32_t command) {
  constexpr std::array<std::uint32_t, 3> kCopies = {0x40049409, 0x4020940d, 0xc0189436};
  constexpr std::array<std::uint32_t, 7> kSetters = {0x40086602, 0x40046602, 0x40087602, 0x401c5820,
                                                     0x40806685, 0x800c6613, 0x40086604};
  const std::uint32_t type = (command >> 8U) & 0xffU;
  if (std::ranges::find(kCopies, command) != kCopies.end()) {
    return false;
  }
  return type == 0x94 || type == 0xbc || std::ranges::find(kSetters, command) != kSetters.end();
}

bool IsPlainRead(std::uint32_t flags, Arch arch) {
  const std::uint32_t more[] = {01,    02,       0100, arch == Arch::kX64 ? 0200000U : 040000U,
                                01000, 020000000};
  return std::ranges::none_of(more, [flags](std::uint32_t bit) { return (flags & bit) != 0; });
}

bool Holds(When when, Arch arch, const Arguments& args) {
  constexpr std::uint32_t kNamespaces = 0x7e020000;
  constexpr std::uint32_t kUntraced = 0x00800000;
  std::array<std::uint32_t, 6> low{};
  std::ranges::transform(args, low.begin(),
                         [](std::uint64_t arg) { return static_cast<std::uint32_t>(arg); });
  switch (when) {
    case When::kAlways:
      return true;
    case When::kNotOpath2:
      return (low[1] & O_PATH) == 0;
    case When::kNotOpath3:
      return (low[2] & O_PATH) == 0;
    case When::kNotPlainRead2:
      return (low[1] & O_PATH) == 0 && !IsPlainRead(low[1], arch);
    case When::kNotPlainRead3:
      return (low[2] & O_PATH) == 0 && !IsPlainRead(low[2], arch);
    case When::kNewNamespace:
      return (low[0] & (kNamespaces | kUntraced)) != 0;
    case When::kNoThread:
      return (low[0] & CLONE_THREAD) == 0;
    case When::kUnshareNamespace:
      return (low[0] & (kNamespaces | 0x80U)) != 0;
    case When::kTerminalIoctl:
      return low[1] == TIOCSTI || low[1] == TIOCLINUX || low[1] == 0xaa00;
    case When::kInodeIoctl:
      return IsInodeIoctl(low[1]);
    case When::kOddSocket:
      return IsOddSocket(low[0], low[1], low[2]);
    case When::kUnixSocket:
      return low[0] == AF_UNIX;
    case When::kDatagramPair:
      return (low[1] & 0xfU) != SOCK_STREAM && (low[1] & 0xfU) != SOCK_SEQPACKET;
    case When::kNotTcpSocket:
      return (low[0] != AF_INET && low[0] != AF_INET6) || (low[1] & 0xfU) != SOCK_STREAM ||
             (low[2] != 0 && low[2] != 6);
    case When::kRouteOption:
      return (low[1] == 0 && low[2] == 4) ||
             (low[1] == 41 && ((low[2] >= 3 && low[2] <= 6) || low[2] == 54 || low[2] == 55 ||
                               low[2] == 57 || low[2] == 59));
    case When::kAddressed:
      return args[4] != 0;
    case When::kOddPersonality:
      return low[0] != 0 && low[0] != 0x40000 && low[0] != 0xffffffff;
  }
  return false;
}

std::uint32_t Expected(Mode mode, Arch arch, Level level, int number, const Arguments& args) {
  bool known = false;
  for (const SyscallRow& row : SyscallTable(arch)) {
    known = known || NumberOn(row, arch) == number;
    if (NumberOn(row, arch) == number && Holds(ConditionAt(row, mode, level), arch, args)) {
      switch (TreatmentIn(row, mode)) {
        case Treatment::kAllow:
          return SECCOMP_RET_ALLOW;
        case Treatment::kNotify:
          return SECCOMP_RET_USER_NOTIF;
        case Treatment::kEperm:
          return SECCOMP_RET_ERRNO | EPERM;
        case Treatment::kEnosys:
          return SECCOMP_RET_ERRNO | ENOSYS;
      }
    }
  }
  return known ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS;
}

class FilterModel : public ::testing::TestWithParam<std::tuple<Mode, Arch, Level>> {
 protected:
  // Values at which a decision turns, single bits, small numbers, and noise in the upper half.
  std::uint64_t Argument() {
    static constexpr std::array<std::uint64_t, 24> kTurning = {
        0,          1,          2,          5,          10,
        16,         40,         0x200000,   0x10000000, 0x00020000,
        0x5412,     0x541c,     0x40086602, 0x5000940e, 0x40049409,
        0x4020940d, 0xc0189436, 0x40000,    0xffffffff, 0x7fff00000000,
        4,          6,          41,         57};
    const auto choice = random_() % 4;
    const std::uint64_t value = choice == 0   ? random_() % 300
                                : choice == 1 ? 1ULL << (random_() % 64)
                                              : kTurning.at(random_() % kTurning.size());
    return random_() % 8 == 0 ? value | 0xabcd00000000ULL : value;
  }

  std::mt19937_64 random_{1};
};

TEST_P(FilterModel, DecidesAsTheTableReads) {
  const auto [mode, arch, level] = GetParam();
  const auto program = BuildFilter(mode, arch, level);
  const auto table = SyscallTable(arch);
  std::vector<SyscallRow> conditional;
  std::ranges::copy_if(table, std::back_inserter(conditional),
                       [](const SyscallRow& row) { return row.how != How::kHarmless; });
  for (int i = 0; i < 200'000; ++i) {
    const int number = i % 3 == 0 ? static_cast<int>(random_() % 500)
                                  : NumberOn(conditional[random_() % conditional.size()], arch);
    Arguments args{};
    std::ranges::generate(args, [this] { return Argument(); });
    seccomp_data data{};
    data.arch = arch == Arch::kX64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
    data.nr = number;
    std::ranges::copy(args, data.args);
    const auto run = testing_support::RunBpf(program, data);
    ASSERT_TRUE(run.has_value());
    ASSERT_EQ(run->action, Expected(mode, arch, level, number, args))
        << "call " << number << " args " << args[0] << " " << args[1] << " " << args[2];
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, FilterModel,
                         ::testing::Combine(::testing::Values(Mode::kRun, Mode::kWrap),
                                            ::testing::Values(Arch::kX64, Arch::kArm64),
                                            ::testing::Values(Level::kFull, Level::kWrites)));

}  // namespace
}  // namespace aegis::sandbox
