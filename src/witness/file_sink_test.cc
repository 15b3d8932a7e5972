#include "witness/file_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "witness/note_file.h"
#include "witness/target.h"
#include "witness/test_log.h"

namespace aegis::witness {
namespace {

using base::Errc;
using testing::HasSubstr;

class FileSinkTest : public testing::Test {
 protected:
  std::unique_ptr<FileSink> Open(const std::string& path) {
    return Get(FileSink::Open(FileTarget{path}));
  }
  base::Result<> Publish(FileSink& sink, std::uint64_t size) {
    AEGIS_TRY(sink.Publish(log_.Submit(size), {}));
    return {};
  }
  std::uint64_t Newest() {
    const std::vector keys = {log_.key()};
    const auto newest = Get(ReadNewest(file_, keys));
    return newest ? newest->checkpoint.size : 0;
  }

  TempDirectory directory_;
  std::string file_ = directory_.File("witness");
  TestLog log_{"log.example"};
};

TEST_F(FileSinkTest, AppendsEachCheckpoint) {
  const auto sink = Open(file_);
  struct stat info{};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  Get(Publish(*sink, 1));
  EXPECT_EQ(Slurp(file_), NoteRecord(log_.Note(1).Text()));
  Get(Publish(*sink, 2));
  EXPECT_EQ(Slurp(file_), NoteRecord(log_.Note(1).Text()) + NoteRecord(log_.Note(2).Text()));
  EXPECT_EQ(Newest(), 2U);
}

TEST_F(FileSinkTest, KeepsWhatIsThereAndItsMode) {
  Spill(file_, "torn");
  std::filesystem::permissions(file_, std::filesystem::perms(0644));
  Get(Publish(*Open(file_), 1));
  EXPECT_EQ(Slurp(file_), "torn" + NoteRecord(log_.Note(1).Text()));
  struct stat info{};
  ASSERT_EQ(::stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0644U);
}

TEST_F(FileSinkTest, FollowsARotation) {
  const auto sink = Open(file_);
  Get(Publish(*sink, 1));
  std::filesystem::rename(file_, file_ + ".1");
  Get(Publish(*sink, 2));
  EXPECT_EQ(Slurp(file_), NoteRecord(log_.Note(2).Text()));
}

TEST_F(FileSinkTest, RefusesLinksAndWhatIsNoFile) {
  Spill(directory_.File("victim"), "");
  std::filesystem::create_symlink("victim", file_);
  const auto linked = FileSink::Open(FileTarget{file_});
  ASSERT_FALSE(linked);
  EXPECT_THAT(linked.error().message(), HasSubstr("symbolic link"));
  EXPECT_EQ(Slurp(directory_.File("victim")), "");
  EXPECT_FALSE(FileSink::Open(FileTarget{directory_.path()}));
  EXPECT_FALSE(FileSink::Open(FileTarget{"/dev/null"}));
  EXPECT_FALSE(FileSink::Open(FileTarget{directory_.File("no/file")}));
  std::filesystem::remove(file_);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_FALSE(FileSink::Open(FileTarget{file_}));
}

TEST_F(FileSinkTest, RefusesALinkThatComesLater) {
  const auto sink = Open(file_);
  std::filesystem::remove(file_);
  std::filesystem::create_symlink("victim", file_);
  EXPECT_FALSE(Publish(*sink, 1));
  EXPECT_FALSE(std::filesystem::exists(directory_.File("victim")));
}

TEST_F(FileSinkTest, StaysInItsDirectory) {
  std::filesystem::create_directory(directory_.File("a"));
  std::filesystem::create_directory(directory_.File("b"));
  const auto sink = Open(directory_.File("a/witness"));
  std::filesystem::rename(directory_.File("a"), directory_.File("moved"));
  std::filesystem::create_directory_symlink("b", directory_.File("a"));
  Get(Publish(*sink, 1));
  EXPECT_FALSE(std::filesystem::exists(directory_.File("b/witness")));
  EXPECT_EQ(Slurp(directory_.File("moved/witness")), NoteRecord(log_.Note(1).Text()));
}

TEST_F(FileSinkTest, TellsWhenItDoesNotFit) {
  const auto sink = Open(file_);
  Get(Publish(*sink, 1));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  (void)signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = NoteRecord(log_.Note(1).Text()).size() + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto part = Publish(*sink, 2);
  const auto none = Publish(*sink, 2);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code(), Errc::kExhausted);
  EXPECT_FALSE(none);
  EXPECT_EQ(Newest(), 1U);
  Get(Publish(*sink, 3));
  EXPECT_EQ(Newest(), 3U);
}

TEST_F(FileSinkTest, MayBeSharedByWriters) {
  constexpr std::uint64_t kEach = 50;
  {
    std::vector<std::jthread> writers;
    writers.reserve(4);
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([this] {
        const auto sink = Open(file_);
        for (std::uint64_t size = 1; size <= kEach; ++size) {
          Get(Publish(*sink, size));
        }
      });
    }
  }
  std::uint64_t notes = 0;
  Get(ForEachNote(file_, [&](const base::Result<canon::SignedNote>& note) -> base::Result<bool> {
    EXPECT_TRUE(note);
    ++notes;
    return true;
  }));
  EXPECT_EQ(notes, 4 * kEach);
}

}  // namespace
}  // namespace aegis::witness
