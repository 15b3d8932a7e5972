#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "sandbox/syscall_rows_files.h"
#include "sandbox/syscall_rows_processes.h"
#include "sandbox/syscall_rows_system.h"
#include "sandbox/syscall_table.h"

// The table itself, for what is proven or made of it while compiling. The rows lie in
// syscall_rows_*.h. Where run and wrap differ, a row refuses a power that the agent must not have
// (run) but that hides nothing from the record (wrap). What would blind the record or the
// supervisor's view of paths (io_uring, namespaces, mounts) is closed in both.
namespace aegis::sandbox {

inline constexpr auto kSyscallGroups = std::to_array<SyscallGroup>({
    {"Opening", rows::kOpeningAbout, rows::kOpening},
    {"Names", rows::kNamesAbout, rows::kNames},
    {"Metadata", rows::kMetadataAbout, rows::kMetadata},
    {"Watching", rows::kWatchingAbout, rows::kWatching},
    {"Looking at names and metadata", rows::kLookingAbout, rows::kLooking},
    {"Where paths begin", rows::kPlacesAbout, rows::kPlaces},
    {"What a descriptor gives", rows::kDescriptorsAbout, rows::kDescriptors},
    {"Programs and processes", rows::kProcessesAbout, rows::kProcesses},
    {"Other processes", rows::kOthersAbout, rows::kOthers},
    {"Signals", rows::kSignalsAbout, rows::kSignals},
    {"Identity and limits", rows::kIdentityAbout, rows::kIdentity},
    {"Scheduling", rows::kSchedulingAbout, rows::kScheduling},
    {"Memory", rows::kMemoryAbout, rows::kMemory},
    {"Locks, time and waiting", rows::kWaitingAbout, rows::kWaiting},
    {"Sockets", rows::kSocketsAbout, rows::kSockets},
    {"Queues and shared memory", rows::kQueuesAbout, rows::kQueues},
    {"Mounts and namespaces", rows::kMountsAbout, rows::kMounts},
    {"The kernel and the machine", rows::kKernelAbout, rows::kKernel},
    {"Ways around system calls", rows::kRingsAbout, rows::kRings},
    {"Calls that are gone", rows::kGoneAbout, rows::kGone},
});

namespace rows {

consteval std::size_t CountOn(Arch arch) {
  std::size_t count = 0;
  for (const SyscallGroup& group : kSyscallGroups) {
    count += static_cast<std::size_t>(std::ranges::count_if(
        group.rows, [arch](const SyscallRow& row) { return NumberOn(row, arch) >= 0; }));
  }
  return count;
}

// By counting: the places of a number's rows are known once those of smaller numbers are counted.
template <Arch Target>
consteval auto SortedOn() {
  std::array<std::size_t, std::size_t{kNewestSyscall} + 2> begins{};
  const auto for_each = [](auto visit) {
    for (const SyscallGroup& group : kSyscallGroups) {
      for (const SyscallRow& row : group.rows) {
        if (const int number = NumberOn(row, Target); number >= 0) {
          visit(row, static_cast<std::size_t>(number));
        }
      }
    }
  };
  for_each([&](const SyscallRow&, std::size_t number) { ++begins[number + 1]; });
  for (std::size_t number = 1; number < begins.size(); ++number) {
    begins[number] += begins[number - 1];
  }
  std::array<SyscallRow, CountOn(Target)> table;
  for_each([&](const SyscallRow& row, std::size_t number) { table[begins[number]++] = row; });
  return table;
}

}  // namespace rows

template <Arch Target>
inline constexpr auto kSyscallTable = rows::SortedOn<Target>();

namespace rows {

consteval bool IsWhole(const SyscallRow& row) {
  const bool refused = row.run != Treatment::kAllow && !IsNotified(row);
  const bool asked =
      row.how == How::kEmulate || row.how == How::kInject || row.how == How::kContinue;
  const bool known = row.x86_64 >= 0 || row.arm64 >= 0;
  return known && row.x86_64 <= kNewestSyscall && row.arm64 <= kNewestSyscall &&
         (row.at_writes == When::kAlways || (IsNotified(row) && row.when != When::kAlways)) &&
         IsNotified(row) == asked && refused == (row.how == How::kRefuse) &&
         (asked || row.actions.empty());
}

// A number has one name, and nothing stands behind the row that always holds.
template <Arch Target>
consteval bool IsOrdered() {
  const auto& table = kSyscallTable<Target>;
  for (std::size_t i = 1; i < table.size(); ++i) {
    const bool same = NumberOn(table[i - 1], Target) == NumberOn(table[i], Target);
    if (same && (table[i - 1].name != table[i].name || table[i - 1].when == When::kAlways)) {
      return false;
    }
  }
  return std::ranges::all_of(table, IsWhole);
}

static_assert(IsOrdered<Arch::kX64>() && IsOrdered<Arch::kArm64>());

}  // namespace rows

}  // namespace aegis::sandbox
