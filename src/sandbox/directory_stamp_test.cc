#include "sandbox/directory_stamp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <stdlib.h>  // mkdtemp

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "sandbox/host_view.h"

namespace aegis::sandbox {
namespace {

class DirectoryStampTest : public ::testing::Test {
 protected:
  DirectoryStampTest() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~DirectoryStampTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  // Past the step of the clock.
  static void Wait() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }
  void Make(const std::string& name) const { const std::ofstream file(path_ + "/" + name); }

  std::string path_ = "/tmp/aegis-stamp-XXXXXX";
};

TEST_F(DirectoryStampTest, ChangesWithTheEntries) {
  const SystemHostView host;
  Make("a");
  const auto before = host.StampOf(path_);
  if (!before) {
    GTEST_SKIP() << "/tmp has no stamps";
  }
  Wait();
  EXPECT_EQ(host.StampOf(path_), before);
  std::optional<DirectoryStamp> last = before;
  const auto changed = [&] {
    Wait();
    const auto now = host.StampOf(path_);
    return now && now != std::exchange(last, now);
  };
  Make("b");
  EXPECT_TRUE(changed());
  std::filesystem::rename(path_ + "/b", path_ + "/.env");
  EXPECT_TRUE(changed());
  std::filesystem::remove(path_ + "/a");
  EXPECT_TRUE(changed());
  std::filesystem::create_symlink(".env", path_ + "/a");
  EXPECT_TRUE(changed());
  Make(".env");  // only its content
  Wait();
  EXPECT_EQ(host.StampOf(path_), last);
}

TEST_F(DirectoryStampTest, IsTheSameByNameAndByDescriptor) {
  const auto stamp = StampByName(path_);
  ASSERT_TRUE(stamp.has_value());
  const base::UniqueFd fd(::open(path_.c_str(), O_PATH | O_CLOEXEC));
  EXPECT_EQ(StampByDescriptor(fd.get()), stamp);
  std::vector<DirectoryEntry> entries;
  std::optional<DirectoryStamp> listed;
  const SystemHostView host;
  Make("a");
  EXPECT_EQ(host.ListStamped(path_, entries, listed), Listing::kWhole);
  EXPECT_EQ(entries.size(), 1U);
  EXPECT_EQ(listed, host.StampOf(path_));
}

TEST_F(DirectoryStampTest, IsOfDirectoriesAlone) {
  Make("file");
  std::filesystem::create_directory_symlink(path_, path_ + "/link");
  EXPECT_FALSE(StampByName(path_ + "/file").has_value());
  EXPECT_FALSE(StampByName(path_ + "/link").has_value());
  EXPECT_FALSE(StampByName(path_ + "/none").has_value());
  const SystemHostView host;
  std::vector<DirectoryEntry> entries;
  std::optional<DirectoryStamp> stamp = DirectoryStamp{};
  EXPECT_EQ(host.ListStamped(path_ + "/none", entries, stamp), Listing::kClosed);
  EXPECT_FALSE(stamp.has_value());
}

// Their entries come and go without a trace in ctime, or are another's to tell.
TEST(DirectoryStamp, IsOfKnownFileSystemsAlone) {
  const SystemHostView host;
  EXPECT_FALSE(host.StampOf("/proc").has_value());
  EXPECT_FALSE(host.StampOf("/proc/self").has_value());
  EXPECT_FALSE(host.StampOf("/sys").has_value());
  constexpr std::uint64_t kKnown[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
                                      TMPFS_MAGIC};
  for (const std::uint64_t type : kKnown) {
    EXPECT_TRUE(TellsChanges(type));
  }
  constexpr std::uint64_t kOther[] = {OVERLAYFS_SUPER_MAGIC,
                                      FUSE_SUPER_MAGIC,
                                      NFS_SUPER_MAGIC,
                                      PROC_SUPER_MAGIC,
                                      SYSFS_MAGIC,
                                      V9FS_MAGIC,
                                      0};
  for (const std::uint64_t type : kOther) {
    EXPECT_FALSE(TellsChanges(type));
  }
}

}  // namespace
}  // namespace aegis::sandbox
