#include "sandbox/host_view.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "sandbox/fake_host.h"

namespace aegis::sandbox {
namespace {

TEST(ResolvePath, FollowsLinksWhereverTheyStand) {
  FakeHost host;
  host.Directory("/usr/bin").File("/usr/bin/sh").Symlink("/bin", "usr/bin");
  host.Directory("/home/u/real").Symlink("/home/u/link", "/home/u/real");
  host.Symlink("/home/u/up", "../../usr/./bin");
  EXPECT_EQ(ResolvePath(host, "/bin/sh"), "/usr/bin/sh");
  EXPECT_EQ(ResolvePath(host, "/home/u/link"), "/home/u/real");
  EXPECT_EQ(ResolvePath(host, "/home/u/up/sh"), "/usr/bin/sh");
  EXPECT_EQ(ResolvePath(host, "//usr//bin/"), "/usr/bin");
  EXPECT_EQ(ResolvePath(host, "/.."), "/");
  EXPECT_EQ(ResolvePath(host, "/"), "/");
}

TEST(ResolvePath, GivesNothingForWhatIsNotThere) {
  FakeHost host;
  host.Symlink("/a", "b").Symlink("/b", "a").Symlink("/dangling", "/nowhere");
  EXPECT_EQ(ResolvePath(host, "/a"), "");
  EXPECT_EQ(ResolvePath(host, "/dangling"), "");
  EXPECT_EQ(ResolvePath(host, "/missing/x"), "");
}

TEST(SystemHostView, SeesTheKindsOfFiles) {
  std::string pattern = "/tmp/aegis-host-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string link = pattern + "/link";
  ASSERT_EQ(::symlink("some where", link.c_str()), 0);
  const SystemHostView host;
  EXPECT_EQ(host.KindOf(pattern), FileKind::kDirectory);
  EXPECT_EQ(host.KindOf(link), FileKind::kSymlink);
  EXPECT_EQ(host.ReadLink(link), "some where");
  EXPECT_EQ(host.ReadLink(pattern), "");
  EXPECT_EQ(host.KindOf("/dev/null"), FileKind::kOther);
  EXPECT_EQ(host.KindOf("/proc/self/status"), FileKind::kFile);
  EXPECT_EQ(host.KindOf(pattern + "/none"), FileKind::kMissing);
  ::unlink(link.c_str());
  ::rmdir(pattern.c_str());
}

}  // namespace
}  // namespace aegis::sandbox
