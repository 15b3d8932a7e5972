#include "gate/dispatch.h"

#include <gtest/gtest.h>

#include <map>

#include "sandbox/syscall_table.h"

namespace aegis::gate {
namespace {

// What the filter sends has a handler, and nothing else has.
TEST(DispatchTest, EveryNotifiedCallHasAHandler) {
  std::map<int, bool> notified;  // a number may have several rows, for different arguments
  for (const sandbox::SyscallRow& row : sandbox::SyscallTable()) {
    notified[sandbox::NumberOn(row, sandbox::kNativeArch)] |= sandbox::IsNotified(row);
  }
  for (int number = 0; number <= sandbox::kNewestSyscall; ++number) {
    EXPECT_EQ(FindHandler(number) != nullptr, notified[number]) << number;
  }
}

TEST(DispatchTest, UnknownNumbersHaveNone) {
  EXPECT_EQ(FindHandler(-1), nullptr);
  EXPECT_EQ(FindHandler(sandbox::kNewestSyscall + 1), nullptr);
  EXPECT_EQ(FindHandler(1 << 30), nullptr);
}

}  // namespace
}  // namespace aegis::gate
