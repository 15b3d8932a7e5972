#include "gate/dispatch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "policy/policy.h"
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

// The table says what handlers ask for, in the policies' words.
TEST(DispatchTest, ActionsAreThoseOfPolicies) {
  std::set<std::string_view> known;
  for (const policy::Action action :
       {policy::Action::kFileRead, policy::Action::kFileWrite, policy::Action::kFileDelete,
        policy::Action::kDirCreate, policy::Action::kDirList, policy::Action::kNetConnect,
        policy::Action::kProcessSpawn}) {
    known.insert(policy::ActionName(action));
  }
  for (const sandbox::SyscallGroup& group : sandbox::SyscallGroups()) {
    for (const sandbox::SyscallRow& row : group.rows) {
      for (std::string_view rest = row.actions; !rest.empty();) {
        const std::string_view action = rest.substr(0, rest.find(','));
        EXPECT_TRUE(known.contains(action)) << row.name << ": " << action;
        rest.remove_prefix(std::min(action.size() + 2, rest.size()));
      }
    }
  }
}

TEST(DispatchTest, UnknownNumbersHaveNone) {
  EXPECT_EQ(FindHandler(-1), nullptr);
  EXPECT_EQ(FindHandler(sandbox::kNewestSyscall + 1), nullptr);
  EXPECT_EQ(FindHandler(1 << 30), nullptr);
}

}  // namespace
}  // namespace aegis::gate
