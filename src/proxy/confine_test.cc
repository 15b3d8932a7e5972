#include "proxy/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>  // WIFEXITED
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>

#include "base/test_requirements.h"
#include "base/unique_fd.h"

namespace aegis::proxy {
namespace {

constexpr std::uint16_t kPort = 34'567;

// Binds a TCP socket at 127.0.0.1.
long Binds(std::uint16_t port) {
  const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Runs `attempt` in a confined child; 0 if it did not fail, else errno.
int Confined(const std::function<long()>& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!ConfineSelf(std::array<std::uint16_t, 1>{kPort})) {
      ::_exit(100);
    }
    errno = 0;
    ::_exit(attempt() >= 0 ? 0 : errno);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_NE(WEXITSTATUS(status), 100) << "confinement failed";
  return WEXITSTATUS(status);
}

long Opens(const char* path, int flags) { return ::open(path, flags | O_CLOEXEC, 0600); }

class Confine : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_LANDLOCK(2); }
};

TEST_F(Confine, OneFileIsRead) {
  EXPECT_EQ(Confined([] { return Opens("/etc/hosts", O_RDONLY); }), 0);
  EXPECT_EQ(Confined([] { return Opens("/etc/hosts", O_WRONLY); }), EACCES);
  for (const char* const path :
       {"/etc/passwd", "/etc/resolv.conf", "/proc/self/maps", "/dev/null"}) {
    EXPECT_EQ(Confined([path] { return Opens(path, O_RDONLY); }), EACCES) << path;
  }
  EXPECT_EQ(Confined([] { return Opens("/etc", O_RDONLY | O_DIRECTORY); }), EACCES);
  EXPECT_EQ(Confined([] { return Opens("/tmp", O_TMPFILE | O_RDWR); }), EACCES);
}

TEST_F(Confine, NoProcessIsMadeOrTouched) {
  EXPECT_EQ(Confined([] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }), ENOSYS);
  EXPECT_EQ(Confined([] { return ::execl("/bin/true", "true", nullptr); }), ENOSYS);
  EXPECT_EQ(Confined([] { return ::ptrace(PTRACE_ATTACH, ::getppid(), 0, 0); }), ENOSYS);
  EXPECT_EQ(Confined([] { return ::kill(1, 0); }), ENOSYS);
}

TEST_F(Confine, SocketsAreThoseOfTheInternet) {
  EXPECT_EQ(Confined([] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }), 0);
  EXPECT_EQ(Confined([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }), 0);
  EXPECT_EQ(Confined([] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }), EPERM);
  EXPECT_EQ(Confined([] { return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); }), EPERM);
  EXPECT_EQ(Confined([] {
              const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
              return ::listen(fd, 1);
            }),
            ENOSYS);
}

TEST_F(Confine, NothingListens) {
  EXPECT_EQ(Confined([] {
              const base::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
              return ::listen(socket.get(), 1);
            }),
            ENOSYS);
}

TEST_F(Confine, OnlyNamedPortsAreBound) {
  REQUIRE_LANDLOCK(4);
  EXPECT_EQ(Confined([] { return Binds(kPort); }), 0);
  EXPECT_EQ(Confined([] { return Binds(kPort + 1); }), EACCES);
  EXPECT_EQ(Confined([] { return Binds(0); }), EACCES);
}

TEST_F(Confine, DescriptorsAreBounded) {
  EXPECT_EQ(Confined([] {
              long fd = 0;
              for (int i = 0; i < 20'000 && fd >= 0; ++i) {
                fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
              }
              return fd;
            }),
            EMFILE);
}

}  // namespace
}  // namespace aegis::proxy
