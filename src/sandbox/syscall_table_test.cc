#include "sandbox/syscall_table.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sandbox/syscall_document.h"

namespace aegis::sandbox {
namespace {

using Numbers = std::map<std::string, int, std::less<>>;

constexpr int kNoNumber = -1;

int ParseNumber(std::string_view text) {
  int number = kNoNumber;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : kNoNumber;
}

Numbers Table(Arch arch) {
  Numbers numbers;
  for (const SyscallRow& row : SyscallTable(arch)) {
    numbers.emplace(row.name, NumberOn(row, arch));
  }
  return numbers;
}

// tests/vectors/linux/syscalls.txt: name, x86-64, arm64.
Numbers Kernel(Arch arch) {
  Numbers numbers;
  std::ifstream file(AEGIS_TEST_VECTORS "/linux/syscalls.txt");
  std::string name;
  std::string x86_64;
  std::string arm64;
  while (file >> name >> x86_64 >> arm64) {
    if (const int number = ParseNumber(arch == Arch::kX64 ? x86_64 : arm64); number >= 0) {
      numbers.emplace(name, number);
    }
  }
  return numbers;
}

// The macros of a header: `#define __NR_read 0`, and some by another macro's name.
Numbers Header(const std::string& path) {
  constexpr std::string_view kPrefix = "__NR_";
  std::map<std::string, std::string, std::less<>> macros;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string define;
    std::string name;
    std::string value;
    if (words >> define >> name >> value) {
      macros[name] = value;
    }
  }
  Numbers numbers;
  for (const auto& [name, value] : macros) {
    // The number of calls, and the first of those that an architecture may have beside the others.
    if (!name.starts_with(kPrefix) || name == "__NR_syscalls" ||
        name == "__NR_arch_specific_syscall") {
      continue;
    }
    const auto other = macros.find(value);
    const int number = ParseNumber(other == macros.end() ? value : other->second);
    EXPECT_GE(number, 0) << name << " is " << value;
    numbers.emplace(name.substr(kPrefix.size()), number);
  }
  return numbers;
}

std::vector<std::string> Missing(const Numbers& from, const Numbers& wanted) {
  std::vector<std::string> missing;
  for (const auto& [name, number] : wanted) {
    const auto found = from.find(name);
    if (found == from.end() || found->second != number) {
      missing.push_back(name + " " + std::to_string(number));
    }
  }
  return missing;
}

std::vector<std::string> None() { return {}; }

TEST(SyscallTable, HasEveryCallOfTheKernelAndNoOther) {
  for (const Arch arch : {Arch::kX64, Arch::kArm64}) {
    const Numbers kernel = Kernel(arch);
    ASSERT_GT(kernel.size(), 300U);
    EXPECT_EQ(Missing(Table(arch), kernel), None()) << "calls in no row";
    EXPECT_EQ(Missing(kernel, Table(arch)), None()) << "rows of no call";
  }
}

TEST(SyscallTable, HasEveryCallOfTheInstalledHeaders) {
  const Numbers native = Header(AEGIS_SYSCALL_HEADERS "/native.h");
  ASSERT_GT(native.size(), 300U);
  EXPECT_EQ(Missing(Table(kNativeArch), native), None()) << "calls in no row";
  const Numbers arm64 = Header(AEGIS_SYSCALL_HEADERS "/arm64.h");
  ASSERT_GT(arm64.size(), 300U);
  EXPECT_EQ(Missing(Table(Arch::kArm64), arm64), None()) << "calls in no row";
}

TEST(SyscallTable, FindsACallThatIsInNoRow) {
  Numbers table = Table(Arch::kX64);
  table.erase("openat");
  table["read"] = 1;
  EXPECT_EQ(Missing(table, Kernel(Arch::kX64)), (std::vector<std::string>{"openat 257", "read 0"}));
}

TEST(SyscallTable, IsInOrderOfNumber) {
  for (const Arch arch : {Arch::kX64, Arch::kArm64}) {
    EXPECT_TRUE(std::ranges::is_sorted(
        SyscallTable(arch), {}, [arch](const SyscallRow& row) { return NumberOn(row, arch); }));
    EXPECT_EQ(NumberOn(SyscallTable(arch).back(), arch), kNewestSyscall);
  }
  EXPECT_EQ(Table(kNativeArch).at("openat"), SYS_openat);
}

// What names a file by a path is asked about, refused, or only looks.
TEST(SyscallTable, NoPathIsLeftToTheKernelButToLookAtIt) {
  const std::set<Names> paths = {
      Names::kPath,     Names::kAtPath,     Names::kTwoPaths,       Names::kTwoAtPaths,
      Names::kTextPath, Names::kTextAtPath, Names::kDescriptorPath, Names::kDescriptorAtPath,
      Names::kProgram,  Names::kAtProgram};
  for (const SyscallGroup& group : SyscallGroups()) {
    for (const SyscallRow& row : group.rows) {
      const bool left = row.run == Treatment::kAllow || row.wrap == Treatment::kAllow;
      // A handle gives nothing: open_by_handle_at is refused.
      if (paths.contains(row.names) && left && row.name != "name_to_handle_at") {
        EXPECT_EQ(group.title, "Looking at names and metadata") << row.name;
      }
    }
  }
}

TEST(SyscallTable, TheDocumentSaysWhatTheTableSays) {
  const std::string wanted = testing_support::SyscallDocument();
  if (std::getenv("AEGIS_WRITE_DOCUMENT") != nullptr) {
    std::ofstream(AEGIS_SYSCALL_DOCUMENT) << wanted;
  }
  std::ifstream file(AEGIS_SYSCALL_DOCUMENT);
  const std::string written((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(written == wanted)
      << AEGIS_SYSCALL_DOCUMENT
      << " is not what the table says. Write it anew:\n  AEGIS_WRITE_DOCUMENT=1 sandbox_unit_test "
         "--gtest_filter=SyscallTable.TheDocumentSaysWhatTheTableSays";
}

}  // namespace
}  // namespace aegis::sandbox
