#pragma once

#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

// What a test needs of the machine. Each macro stands in a test body: where the need is not met it
// skips the test with a reason, or fails it when AEGIS_REQUIRE_ALL=1 is set (as in CI), so that a
// missing protection never passes for a tested one. For tests only; not part of aegis::base.

namespace aegis::base::testing_support {

inline bool EverythingIsRequired() {
  const char* value = std::getenv("AEGIS_REQUIRE_ALL");  // NOLINT(concurrency-mt-unsafe): tests
  return value != nullptr && std::string_view(value) == "1";
}

// A child tries what a sandbox needs: a user namespace and a mount namespace within it.
inline bool HasUserNamespaces() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

// The kernel's Landlock ABI; 0 where it has none.
inline int LandlockAbi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0UL,
                             static_cast<unsigned>(LANDLOCK_CREATE_RULESET_VERSION));
  return abi < 0 ? 0 : static_cast<int>(abi);
}

inline bool HasProgram(std::string_view name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): tests
  std::istringstream directories(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (::access((directory + "/" + std::string(name)).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace aegis::base::testing_support

#define AEGIS_REQUIRE_OR_SKIP(condition, reason)                                \
  do {                                                                          \
    if (!(condition)) {                                                         \
      if (::aegis::base::testing_support::EverythingIsRequired()) {             \
        FAIL() << "AEGIS_REQUIRE_ALL=1 and this machine has not: " << (reason); \
      }                                                                         \
      GTEST_SKIP() << "needs " << (reason);                                     \
    }                                                                           \
  } while (false)

#define REQUIRE_USERNS()                                                     \
  AEGIS_REQUIRE_OR_SKIP(::aegis::base::testing_support::HasUserNamespaces(), \
                        "user namespaces for this user")
#define REQUIRE_LANDLOCK(abi)                                                   \
  AEGIS_REQUIRE_OR_SKIP(::aegis::base::testing_support::LandlockAbi() >= (abi), \
                        "Landlock ABI " #abi)
#define REQUIRE_ROOT() AEGIS_REQUIRE_OR_SKIP(::geteuid() == 0, "root")
#define REQUIRE_PROGRAM(name) \
  AEGIS_REQUIRE_OR_SKIP(::aegis::base::testing_support::HasProgram(name), "the program " name)
