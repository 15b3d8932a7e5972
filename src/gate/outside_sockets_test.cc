#include "gate/outside_sockets.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "gate/test_sockets.h"

namespace aegis::gate {
namespace {

using testing_support::MakeTcp;

Connection To(const std::string& resource) {
  Connection connection;
  connection.resource = resource;
  connection.pid = 7;
  return connection;
}

TEST(OutsideSockets, ASocketIsFoundByWhicheverDescriptor) {
  OutsideSockets sockets;
  const base::UniqueFd socket = MakeTcp();
  sockets.Add(socket, To("a.example:443"));
  const base::UniqueFd duplicate(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  ASSERT_TRUE(sockets.Find(duplicate));
  EXPECT_EQ(sockets.Find(duplicate)->resource, "a.example:443");
  EXPECT_EQ(sockets.Find(duplicate)->pid, 7);
  // The twins: another socket, and none at all.
  EXPECT_FALSE(sockets.Find(MakeTcp()));
  EXPECT_FALSE(sockets.Find(base::UniqueFd()));
}

TEST(OutsideSockets, AnotherConnectionOfTheSameSocketIsTheOneThatCounts) {
  OutsideSockets sockets;
  const base::UniqueFd socket = MakeTcp();
  sockets.Add(socket, To("a.example:443"));
  sockets.Add(socket, To("b.example:443"));
  EXPECT_EQ(sockets.Find(socket)->resource, "b.example:443");
  EXPECT_EQ(sockets.TakeAll().size(), 1U);
}

TEST(OutsideSockets, AResultIsReportedOnce) {
  OutsideSockets sockets;
  const base::UniqueFd socket = MakeTcp();
  sockets.Report(socket);  // of none that is known
  sockets.Add(socket, To("a.example:443"));
  EXPECT_FALSE(sockets.Find(socket)->reported);
  sockets.Report(socket);
  EXPECT_TRUE(sockets.Find(socket)->reported);
  sockets.Add(socket, To("b.example:443"));
  EXPECT_FALSE(sockets.Find(socket)->reported);
}

TEST(OutsideSockets, WhatIsGoneIsTakenOnce) {
  OutsideSockets sockets;
  EXPECT_TRUE(sockets.empty());
  std::uint64_t cookie = 0;
  {
    const base::UniqueFd socket = MakeTcp();
    cookie = CookieOf(socket);
    sockets.Add(socket, To("a.example:443"));
  }
  EXPECT_FALSE(sockets.empty());
  EXPECT_FALSE(sockets.Take(cookie + 1'000'000));
  ASSERT_TRUE(sockets.Take(cookie));
  EXPECT_FALSE(sockets.Take(cookie));
  EXPECT_TRUE(sockets.empty());
}

TEST(OutsideSockets, TheOthersAreTakenTogether) {
  OutsideSockets sockets;
  const base::UniqueFd one = MakeTcp();
  const base::UniqueFd other = MakeTcp();
  sockets.Add(one, To("a.example:443"));
  sockets.Add(other, To("b.example:443"));
  std::vector<std::string> resources;
  for (const Connection& connection : sockets.TakeAll()) {
    resources.push_back(connection.resource);
  }
  std::ranges::sort(resources);
  EXPECT_EQ(resources, (std::vector<std::string>{"a.example:443", "b.example:443"}));
  EXPECT_TRUE(sockets.TakeAll().empty());
  EXPECT_TRUE(sockets.empty());
}

TEST(OutsideSockets, CookiesAreNeverTheSame) {
  const base::UniqueFd one = MakeTcp();
  EXPECT_NE(CookieOf(one), 0U);
  EXPECT_EQ(CookieOf(one), CookieOf(one));
  EXPECT_NE(CookieOf(one), CookieOf(MakeTcp()));
  EXPECT_EQ(CookieOf(base::UniqueFd()), 0U);
  const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(CookieOf(null), 0U);
  EXPECT_EQ(NamespaceOf(null), 0U);
}

TEST(OutsideSockets, NamespacesAreToldApart) {
  REQUIRE_USERNS();
  const base::UniqueFd here = MakeTcp();
  const std::uint64_t ours = NamespaceOf(here);
  EXPECT_NE(ours, 0U);
  EXPECT_EQ(NamespaceOf(MakeTcp(AF_INET6)), ours);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool apart = ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    const std::uint64_t theirs = NamespaceOf(MakeTcp());
    ::_exit(apart && theirs != 0 && theirs != ours && NamespaceOf(here) == ours ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace aegis::gate
