#include "gate/scan_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>

namespace aegis::gate {
namespace {

class ScanStoreTest : public ::testing::Test {
 protected:
  ScanStoreTest() { EXPECT_NE(::mkdtemp(directory_.data()), nullptr); }
  ~ScanStoreTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string File() const { return directory_ + "/searched"; }
  std::string Load() const { return FileScanStore(File()).Load(); }

  std::string directory_ = "/tmp/aegis-scan-XXXXXX";
};

TEST_F(ScanStoreTest, KeepsAFileForItsOwnerAlone) {
  EXPECT_EQ(Load(), "");
  FileScanStore(File()).Save("first");
  FileScanStore(File()).Save(std::string("se\0cond", 7));
  EXPECT_EQ(Load(), std::string("se\0cond", 7));
  struct stat status{};
  ASSERT_EQ(::stat(File().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(ScanStoreTest, TrustsNoFileThatOthersMayWrite) {
  FileScanStore(File()).Save("kept");
  for (const mode_t mode : {0620U, 0602U}) {
    ASSERT_EQ(::chmod(File().c_str(), mode), 0);
    EXPECT_EQ(Load(), "");
  }
  ASSERT_EQ(::chmod(File().c_str(), 0644), 0);
  EXPECT_EQ(Load(), "kept");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(File().c_str(), 4242, 4242), 0);
    EXPECT_EQ(Load(), "");
  }
}

TEST_F(ScanStoreTest, ReadsNothingButARegularFileOfBoundedSize) {
  FileScanStore(directory_ + "/other").Save("kept");
  std::filesystem::create_symlink(directory_ + "/other", File());
  EXPECT_EQ(Load(), "");
  std::filesystem::remove(File());
  ASSERT_EQ(::mkfifo(File().c_str(), 0600), 0);
  EXPECT_EQ(Load(), "");
  std::filesystem::remove(File());
  std::filesystem::create_directory(File());
  EXPECT_EQ(Load(), "");
  FileScanStore(File()).Save("in the way");
  std::filesystem::remove(File());
  FileScanStore(File()).Save("x");
  std::filesystem::resize_file(File(), kMostScanBytes + 1);
  EXPECT_EQ(Load(), "");
  std::filesystem::resize_file(File(), kMostScanBytes);
  EXPECT_EQ(Load().size(), kMostScanBytes);
}

TEST_F(ScanStoreTest, WhatCanNotBeWrittenIsNotKept) {
  FileScanStore(directory_ + "/none/searched").Save("x");
  EXPECT_EQ(FileScanStore(directory_ + "/none/searched").Load(), "");
}

TEST(ScanEpoch, IsTheSameAllAlong) {
  EXPECT_NE(ScanEpoch(), "");
  EXPECT_EQ(ScanEpoch(), ScanEpoch());
}

}  // namespace
}  // namespace aegis::gate
