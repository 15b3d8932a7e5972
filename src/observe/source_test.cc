#include "observe/source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "config/test_directory.h"
#include "observe/event.h"
#include "observe/exclusion.h"
#include "observe/gap.h"
#include "observe/test_child.h"

namespace aegis::observe {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

using Maker = base::Result<std::unique_ptr<EventSource>> (*)(int, SourceOptions, Batch&);

// A source over a directory, and what it tells: "create d", "modify f", "rename a b", ...
class Watched {
 public:
  Watched(Maker make, SourceOptions options = {}) {
    options.dir = directory_.path();
    prepare_ = [this, make, options] {
      root_.Reset(::open(options.dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      Batch start;
      auto source = make(root_.get(), options, start);
      ASSERT_TRUE(source) << source.error().message();
      EXPECT_TRUE(start.gaps.empty());
      source_ = *std::move(source);
    };
  }

  const config::TestDirectory& directory() const { return directory_; }
  std::string operator/(std::string_view name) const { return directory_ / name; }

  void Start() { prepare_(); }

  // What the source tells of what another process does.
  std::vector<std::string> Tell(const std::function<void()>& act) {
    RunInChild(act);
    return Told();
  }

  std::vector<std::string> Told() {
    std::vector<std::string> told;
    batch_ = {};
    pollfd ready{.fd = source_->fd(), .events = POLLIN, .revents = 0};
    while (::poll(&ready, 1, 0) == 1) {
      EXPECT_TRUE(source_->Read(batch_, false));
    }
    EXPECT_TRUE(source_->Read(batch_, true));
    told.reserve(batch_.events.size());
    for (const Event& event : batch_.events) {
      told.push_back(std::string(KindName(event.kind)) + (event.directory ? "/" : "") + " " +
                     Relative(event.path) +
                     (event.kind == EventKind::kRename ? " " + Relative(event.target) : ""));
    }
    return told;
  }

  const Batch& batch() const { return batch_; }

 private:
  static std::string_view KindName(EventKind kind) {
    constexpr std::array<std::string_view, 6> kNames = {"create", "modify", "metadata",
                                                        "delete", "rename", "read"};
    return kNames.at(static_cast<std::size_t>(kind));
  }
  std::string Relative(const std::string& path) const {
    if (path.empty()) {
      return "-";
    }
    return path == directory_.path() ? "." : path.substr(directory_.path().size() + 1);
  }

  config::TestDirectory directory_;
  std::function<void()> prepare_;
  base::UniqueFd root_;
  std::unique_ptr<EventSource> source_;
  Batch batch_;
};

void WriteFile(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

// What both sources must tell; each test gets them in turn.
struct SourceCase {
  const char* name;
  Maker make;
  bool root;
};

class SourceTest : public testing::TestWithParam<SourceCase> {
 protected:
  void SetUp() override {
    if (GetParam().root) {
      REQUIRE_ROOT();
    }
  }
};

TEST_P(SourceTest, TellsWhatHappensToFiles) {
  Watched watched(GetParam().make);
  watched.directory().Write("old", "x");
  watched.directory().Write("gone", "x");
  watched.Start();
  EXPECT_TRUE(watched.Told().empty());
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "new", "text"); }),
              testing::IsSupersetOf({"create new", "modify new"}));
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "old", "text"); }), Contains("modify old"));
  EXPECT_THAT(watched.Tell([&] { ::chmod((watched / "old").c_str(), 0600); }),
              testing::ElementsAre("metadata old"));
  EXPECT_THAT(watched.Tell([&] { ::unlink((watched / "gone").c_str()); }), Contains("delete gone"));
}

TEST_P(SourceTest, TellsOfDirectoriesAndWhatComesIntoThem) {
  Watched watched(GetParam().make);
  watched.Start();
  EXPECT_THAT(
      watched.Tell([&] { watched.directory().Write("a/b/c/file", "x"); }),
      testing::IsSupersetOf({"create/ a", "create/ a/b", "create/ a/b/c", "create a/b/c/file"}));
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "a/b/c/more", "x"); }),
              Contains("create a/b/c/more"));
  EXPECT_THAT(watched.Tell([&] { std::filesystem::remove_all(watched / "a"); }),
              testing::IsSupersetOf({"delete a/b/c/file", "delete/ a/b/c", "delete/ a"}));
}

TEST_P(SourceTest, ARenamedDirectoryKeepsWhatIsBelow) {
  Watched watched(GetParam().make);
  watched.directory().Write("a/sub/file", "x");
  watched.directory().Write("b/x", "x");
  watched.Start();
  EXPECT_THAT(watched.Tell([&] { std::filesystem::rename(watched / "a", watched / "b/c"); }),
              Contains("rename/ a b/c"));
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "b/c/sub/file", "y"); }),
              Contains("modify b/c/sub/file"));
}

TEST_P(SourceTest, WhatComesFromOutsideIsWatchedAndWhatLeavesIsNot) {
  Watched watched(GetParam().make);
  const config::TestDirectory outside;
  outside.Write("in/sub/file", "x");
  watched.directory().Write("out/sub/file", "x");
  watched.Start();
  EXPECT_THAT(watched.Tell([&] { std::filesystem::rename(outside / "in", watched / "in"); }),
              testing::ElementsAre("rename/ - in"));
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "in/sub/file", "y"); }),
              Contains("modify in/sub/file"));
  EXPECT_THAT(watched.Tell([&] { std::filesystem::rename(watched / "out", outside / "out"); }),
              testing::ElementsAre("rename/ out -"));
  EXPECT_TRUE(watched.Tell([&] { WriteFile(outside / "out/sub/file", "y"); }).empty());
}

TEST_P(SourceTest, ASaveByRenameIsTold) {
  Watched watched(GetParam().make);
  watched.directory().Write("f", "old");
  watched.Start();
  EXPECT_THAT(watched.Tell([&] {
    WriteFile(watched / "f.tmp", "new");
    std::filesystem::rename(watched / "f.tmp", watched / "f");
  }),
              testing::IsSupersetOf({"create f.tmp", "rename f.tmp f"}));
}

TEST_P(SourceTest, ExcludedNamesAreNotTold) {
  const auto exclusion = Exclusion::Make(std::vector<std::string>{".git", "*.o"}, "state");
  Watched watched(GetParam().make, {.dir = {}, .exclusion = exclusion.value()});
  watched.directory().Write(".git/x", "x");
  watched.directory().Write("state/x", "x");
  watched.Start();
  const auto told = watched.Tell([&] {
    WriteFile(watched / ".git/HEAD", "x");
    WriteFile(watched / "state/x", "y");
    WriteFile(watched / "a.o", "x");
    WriteFile(watched / "a.c", "x");
    std::filesystem::create_directory(watched / "d");
    std::filesystem::create_directory(watched / "d/.git");
    WriteFile(watched / "d/.git/HEAD", "x");
  });
  EXPECT_THAT(told, testing::IsSupersetOf({"create a.c", "create/ d"}));
  EXPECT_THAT(told, Not(Contains(testing::HasSubstr(".git"))));
  EXPECT_THAT(told, Not(Contains(testing::HasSubstr("state"))));
  EXPECT_THAT(told, Not(Contains(testing::HasSubstr(".o"))));
}

TEST_P(SourceTest, NamesAreAnyBytes) {
  Watched watched(GetParam().make);
  watched.Start();
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "\n\xff\x1b[2J", "x"); }),
              Contains("create \n\xff\x1b[2J"));
}

TEST_P(SourceTest, NothingOutsideIsTold) {
  Watched watched(GetParam().make);
  const config::TestDirectory outside;
  watched.Start();
  EXPECT_TRUE(watched.Tell([&] { outside.Write("a/b", "x"); }).empty());
}

// The kernel's queue holds 16,384 events by default; of different names it merges none.
TEST_P(SourceTest, WhatTheKernelDropsIsAGapAndTheWatchGoesOn) {
  Watched watched(GetParam().make);
  watched.directory().Write("d/x", "x");
  watched.Start();
  (void)watched.Tell([&] {
    for (int i = 0; i < 17'000; ++i) {
      const std::string name = watched / ("d/" + std::to_string(i));
      ::close(::open(name.c_str(), O_CREAT | O_CLOEXEC | O_RDONLY, 0600));
    }
    watched.directory().Write("late/sub/file", "x");
  });
  ASSERT_FALSE(watched.batch().gaps.empty());
  EXPECT_EQ(watched.batch().gaps[0].kind, GapKind::kOverflow);
  EXPECT_THAT(watched.Tell([&] { WriteFile(watched / "late/sub/file", "y"); }),
              Contains("modify late/sub/file"));
}

INSTANTIATE_TEST_SUITE_P(Both, SourceTest,
                         testing::Values(SourceCase{"inotify", MakeInotifySource, false},
                                         SourceCase{"fanotify", MakeFanotifySource, true}),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(InotifySourceTest, ReadsAreRefused) {
  const config::TestDirectory directory;
  const base::UniqueFd root(::open(directory.path().c_str(), O_PATH | O_CLOEXEC));
  Batch start;
  const auto made = MakeInotifySource(
      root.get(), {.dir = directory.path(), .exclusion = {}, .reads = true}, start);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), base::Errc::kUnsupported);
}

TEST(FanotifySourceTest, TellsWhoAndReads) {
  REQUIRE_ROOT();
  Watched watched(MakeFanotifySource, {.dir = {}, .exclusion = {}, .reads = true});
  watched.directory().Write("f", "x");
  watched.Start();
  const TestChild child([&] {
    std::ifstream file(watched / "f");
    std::string text;
    file >> text;
  });
  EXPECT_THAT(watched.Told(), Contains("read f"));
  const std::vector<Event>& events = watched.batch().events;
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].pid, child.pid());
  EXPECT_EQ(events[0].exe, std::filesystem::read_symlink("/proc/self/exe").string());
}

TEST(FanotifySourceTest, NobodyElsesExecutableIsNamed) {
  REQUIRE_ROOT();
  Watched watched(MakeFanotifySource);
  watched.Start();
  (void)watched.Tell([&] { WriteFile(watched / "f", "x"); });  // the process is dead by now
  ASSERT_FALSE(watched.batch().events.empty());
  EXPECT_EQ(watched.batch().events[0].exe, "");
}

}  // namespace
}  // namespace aegis::observe
