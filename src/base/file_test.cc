#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp: POSIX, absent from <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <system_error>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace aegis::base {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "aegis-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = std::filesystem::canonical(name).string();
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  std::string At(const std::string& name) const { return dir_ + "/" + name; }
  std::size_t CountOfEntries() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir_)) {
      ++count;
    }
    return count;
  }

  std::string dir_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

TEST_F(FileTest, WritesAndReadsBack) {
  const std::string content("a\0b\xff\n", 5);
  ASSERT_TRUE(WriteFileAtomic(At("f"), content, 0640).has_value());
  EXPECT_EQ(ReadFile(At("f")).value(), content);
  EXPECT_EQ(ModeOf(At("f")), 0640U);
}

TEST_F(FileTest, ReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomic(At("f"), "old", 0600).has_value());
  ASSERT_TRUE(WriteFileAtomic(At("f"), "new", 0600).has_value());
  EXPECT_EQ(ReadFile(At("f")).value(), "new");
  EXPECT_EQ(CountOfEntries(), 1U);
}

TEST_F(FileTest, ReplaceFileReplacesAsAWhole) {
  ASSERT_TRUE(WriteFileAtomic(At("f"), "old", 0644).has_value());
  ASSERT_TRUE(ReplaceFile(At("f"), "new", 0600).has_value());
  EXPECT_EQ(ReadFile(At("f")).value(), "new");
  EXPECT_EQ(ModeOf(At("f")), 0600U);
  EXPECT_FALSE(ReplaceFile(At("none/f"), "x", 0600).has_value());
  EXPECT_EQ(CountOfEntries(), 1U);
}

TEST_F(FileTest, AFailedReplacementLeavesTheOldStateAndNoTemporary) {
  ASSERT_TRUE(MakeDirectories(At("d/inner"), 0700).has_value());
  const auto wrote = WriteFileAtomic(At("d"), "x", 0600);  // a directory in the way
  ASSERT_FALSE(wrote.has_value());
  EXPECT_NE(wrote.error().message().find("/d: "), std::string::npos);
  EXPECT_EQ(CountOfEntries(), 1U);
}

TEST_F(FileTest, ReplacesALinkAndNotItsTarget) {
  ASSERT_TRUE(WriteFileAtomic(At("target"), "kept", 0600).has_value());
  ASSERT_EQ(::symlink("target", At("link").c_str()), 0);
  ASSERT_TRUE(WriteFileAtomic(At("link"), "new", 0600).has_value());
  EXPECT_EQ(ReadFile(At("target")).value(), "kept");
  EXPECT_EQ(ReadFile(At("link")).value(), "new");
}

TEST_F(FileTest, ReadsUpToTheLimitAndNotBeyond) {
  ASSERT_TRUE(WriteFileAtomic(At("f"), std::string(100000, 'x'), 0600).has_value());
  EXPECT_EQ(ReadFile(At("f"), 100000).value().size(), 100000U);
  EXPECT_EQ(ReadFile(At("f"), std::numeric_limits<std::size_t>::max()).value().size(), 100000U);
  const auto read = ReadFile(At("f"), 99999);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code(), Errc::kExhausted);
}

TEST_F(FileTest, ReadsAnEmptyFile) {
  ASSERT_TRUE(WriteFileAtomic(At("f"), "", 0600).has_value());
  EXPECT_EQ(ReadFile(At("f")).value(), "");
  EXPECT_EQ(ReadFile(At("f"), 0).value(), "");
}

TEST_F(FileTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(At("fifo").c_str(), 0600), 0);
  for (const std::string& path : {dir_, std::string("/dev/null"), At("fifo")}) {
    const auto read = ReadFile(path);
    ASSERT_FALSE(read.has_value()) << path;
    EXPECT_EQ(read.error().code(), Errc::kInvalid);
  }
}

TEST_F(FileTest, AnErrorNamesThePathInEscapedForm) {
  const auto read = ReadFile(At("\xff\\"));
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code(), Errc::kNotFound);
  EXPECT_EQ(read.error().message(), "open " + dir_ + "/\\xff\\\\: No such file or directory");
}

TEST_F(FileTest, RefusesEmptyPathsAndNulBytes) {
  const std::string nul("/etc\0/hidden", 12);
  for (const std::string& path : {std::string(), nul}) {
    EXPECT_EQ(Open(path, O_RDONLY).error().code(), Errc::kInvalid);
    EXPECT_EQ(WriteFileAtomic(path, "", 0600).error().code(), Errc::kInvalid);
    EXPECT_EQ(MakeDirectories(path, 0700).error().code(), Errc::kInvalid);
    EXPECT_EQ(CanonicalPath(path).error().code(), Errc::kInvalid);
  }
}

TEST_F(FileTest, OpenedFilesCloseOnExec) {
  const auto fd = Open("/dev/null", O_RDONLY);
  ASSERT_TRUE(fd.has_value());
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FileTest, MakesMissingParents) {
  ASSERT_TRUE(MakeDirectories(At("a/b/c"), 0700).has_value());
  EXPECT_EQ(ModeOf(At("a/b/c")), 0700U);
  EXPECT_TRUE(MakeDirectories(At("a/b/c"), 0700).has_value());
  EXPECT_TRUE(MakeDirectories(At("a/b/c/"), 0700).has_value());
}

TEST_F(FileTest, AFileInTheWayIsAnError) {
  ASSERT_TRUE(WriteFileAtomic(At("f"), "", 0600).has_value());
  EXPECT_EQ(MakeDirectories(At("f"), 0700).error().code(), Errc::kExists);
  EXPECT_FALSE(MakeDirectories(At("f/sub"), 0700).has_value());
}

TEST_F(FileTest, CanonicalPathResolvesLinksAndDots) {
  ASSERT_TRUE(MakeDirectories(At("real/sub"), 0700).has_value());
  ASSERT_EQ(::symlink("real", At("link").c_str()), 0);
  EXPECT_EQ(CanonicalPath(At("link/./sub/../sub/")).value(), At("real/sub"));
  EXPECT_EQ(CanonicalPath("/").value(), "/");
  EXPECT_EQ(CanonicalPath(At("missing")).error().code(), Errc::kNotFound);
}

TEST_F(FileTest, WriteAllContinuesOverShortWrites) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const std::string sent(std::size_t{1} << 20U, 'x');  // more than a pipe holds
  std::size_t received = 0;
  std::thread drain([&] {
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
      received += static_cast<std::size_t>(got);
    }
  });
  const auto wrote = WriteAll(writer.get(), sent);
  writer.Reset();
  drain.join();
  EXPECT_TRUE(wrote.has_value());
  EXPECT_EQ(received, sent.size());
}

TEST_F(FileTest, WriteAllReportsAFullDevice) {
  const auto full = Open("/dev/full", O_WRONLY);
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(WriteAll(full->get(), "x").error().code(), Errc::kExhausted);
}

TEST(LookUpPlainlyTest, AnswersOnlyWhereNoSymlinkIsMet) {
  std::string pattern = testing::TempDir() + "look_up_XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string base = std::filesystem::canonical(pattern).string();
  std::filesystem::create_directories(base + "/real/sub");
  std::filesystem::create_symlink("real", base + "/link");
  std::filesystem::create_symlink("nowhere", base + "/dangling");
  EXPECT_EQ(LookUpPlainly(base + "/real/sub"), PlainLookup::kFound);
  EXPECT_EQ(LookUpPlainly("/"), PlainLookup::kFound);
  EXPECT_EQ(LookUpPlainly(base + "/missing/x"), PlainLookup::kMissing);
  EXPECT_EQ(LookUpPlainly("/dev/null/x"), PlainLookup::kMissing);
  for (const std::string& unclear :
       {base + "/link", base + "/link/sub", base + "/link/missing", base + "/dangling",
        base + "/real/", base + "//real", base + "/./real", base + "/real/../real",
        std::string("real"), std::string()}) {
    EXPECT_EQ(LookUpPlainly(unclear), PlainLookup::kUnclear) << unclear;
  }
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace aegis::base
