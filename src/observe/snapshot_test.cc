#include "observe/snapshot.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "config/test_directory.h"
#include "ledger/glob.h"
#include "observe/exclusion.h"
#include "observe/gap.h"

namespace aegis::observe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Snapshot Take(const std::string& path, const Exclusion& exclusion = {},
              const SnapshotOptions& options = {}) {
  const base::UniqueFd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return TakeSnapshot(root.get(), exclusion, options);
}

std::vector<std::string> NamesOf(const Snapshot& snapshot) {
  std::vector<std::string> names;
  names.reserve(snapshot.names.size());
  for (const Named& named : snapshot.names) {
    names.push_back(named.name);
  }
  return names;
}

const Node& NodeOf(const Snapshot& snapshot, std::string_view name) {
  static const Node kNone;
  for (const Named& named : snapshot.names) {
    if (named.name == name) {
      return named.node;
    }
  }
  ADD_FAILURE() << name << " is not in it";
  return kNone;
}

Exclusion Excluding(const std::vector<std::string>& patterns, const std::string& state = {}) {
  auto exclusion = Exclusion::Make(patterns, state);
  EXPECT_TRUE(exclusion) << exclusion.error().message();
  return exclusion ? *exclusion : Exclusion();
}

TEST(SnapshotTest, HasEveryNameInOrderWithTypeSizeModeAndDigest) {
  const config::TestDirectory directory;
  ::chmod(directory.Write("b/file", "content").c_str(), 0640);
  directory.Write("a", "");
  std::filesystem::create_symlink("/nowhere", directory / "link");
  const Snapshot snapshot = Take(directory.path());
  EXPECT_THAT(NamesOf(snapshot), ElementsAre("a", "b", "b/file", "link"));
  EXPECT_EQ(snapshot.gaps.total(), 0U);
  const Node& file = NodeOf(snapshot, "b/file");
  EXPECT_EQ(file.type, NodeType::kFile);
  EXPECT_EQ(file.mode, 0640U);
  EXPECT_EQ(file.size, 7U);
  EXPECT_EQ(file.digest, canon::HashSha256("content"));
  EXPECT_EQ(NodeOf(snapshot, "link").type, NodeType::kSymlink);
  EXPECT_EQ(NodeOf(snapshot, "link").digest, canon::HashSha256("/nowhere"));
  EXPECT_EQ(NodeOf(snapshot, "b").type, NodeType::kDirectory);
  EXPECT_FALSE(NodeOf(snapshot, "b").digest);
}

TEST(SnapshotTest, NamesAreAnyBytes) {
  const config::TestDirectory directory;
  const std::vector<std::string> hostile = {"\n", "\x1b[2J", " ", "-rf", "a\\b", "\xff\xfe"};
  for (const std::string& name : hostile) {
    directory.Write(name, "x");
  }
  EXPECT_THAT(NamesOf(Take(directory.path())), testing::UnorderedElementsAreArray(hostile));
}

TEST(SnapshotTest, FollowsNoLink) {
  const config::TestDirectory directory;
  const config::TestDirectory other;
  other.Write("secret", "s");
  std::filesystem::create_directory_symlink(other.path(), directory / "link");
  EXPECT_THAT(NamesOf(Take(directory.path())), ElementsAre("link"));
}

// A FIFO without a writer would block whoever opens it; the test would hang.
TEST(SnapshotTest, OpensNoFifoSocketOrDevice) {
  const config::TestDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  const base::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (directory / "socket").copy(&address.sun_path[0], sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  const Snapshot snapshot = Take(directory.path());
  EXPECT_EQ(NodeOf(snapshot, "fifo").type, NodeType::kFifo);
  EXPECT_EQ(NodeOf(snapshot, "socket").type, NodeType::kSocket);
  EXPECT_EQ(snapshot.gaps.total(), 0U);
}

// As an ordinary user, whoever runs the test.
Snapshot TakeWithoutRights(const config::TestDirectory& directory) {
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  EXPECT_TRUE(!root || (::chown(directory.path().c_str(), kNobody, kNobody) == 0 &&
                        ::seteuid(kNobody) == 0));
  Snapshot snapshot = Take(directory.path());
  EXPECT_TRUE(!root || ::seteuid(0) == 0);
  return snapshot;
}

TEST(SnapshotTest, WhatMayNotBeReadIsAGap) {
  const config::TestDirectory directory;
  directory.Write("closed/file", "x");
  ::chmod(directory.Write("file", "x").c_str(), 0);
  ::chmod((directory / "closed").c_str(), 0);
  const Snapshot snapshot = TakeWithoutRights(directory);
  ::chmod((directory / "closed").c_str(), 0700);
  EXPECT_THAT(NamesOf(snapshot), ElementsAre("closed", "file"));
  ASSERT_EQ(snapshot.gaps.total(), 2U);
  EXPECT_TRUE(snapshot.gaps.Hides("closed/file"));
  EXPECT_FALSE(snapshot.gaps.Hides("file"));
}

TEST(SnapshotTest, BoundsAreGaps) {
  const config::TestDirectory directory;
  directory.Write("a/b/c/d", "x");
  Snapshot snapshot = Take(directory.path(), {}, {.max_depth = 2});
  EXPECT_THAT(NamesOf(snapshot), ElementsAre("a", "a/b"));
  ASSERT_EQ(snapshot.gaps.named().size(), 1U);
  EXPECT_EQ(snapshot.gaps.named()[0].kind, GapKind::kBound);
  EXPECT_EQ(snapshot.gaps.named()[0].name, "a/b");
  EXPECT_TRUE(snapshot.gaps.Hides("a/b/c"));
  EXPECT_FALSE(snapshot.gaps.Hides("a/x"));
  snapshot = Take(directory.path(), {}, {.max_names = 2});
  EXPECT_EQ(snapshot.names.size(), 2U);
  EXPECT_EQ(snapshot.gaps.total(), 1U);
  EXPECT_TRUE(snapshot.gaps.Hides("anything"));
  EXPECT_EQ(Take(directory.path(), {}, {.max_depth = 4, .max_names = 4}).gaps.total(), 0U);
}

TEST(SnapshotTest, LargeFilesHaveNoDigest) {
  const config::TestDirectory directory;
  directory.Write("large", "12345");
  directory.Write("small", "1234");
  const Snapshot snapshot = Take(directory.path(), {}, {.hash_limit = 4});
  EXPECT_FALSE(NodeOf(snapshot, "large").digest);
  EXPECT_TRUE(NodeOf(snapshot, "small").digest);
}

TEST(SnapshotTest, ADeepTreeIsWalkedToItsBound) {
  const config::TestDirectory directory;
  base::UniqueFd at(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at.Reset(::openat(at.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  const Snapshot snapshot = Take(directory.path());
  EXPECT_EQ(snapshot.names.size(), 256U);
  EXPECT_EQ(snapshot.gaps.total(), 1U);
}

TEST(SnapshotTest, OtherFileSystemsAreGapsUnlessAsked) {
  const base::UniqueFd dev(::open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const Snapshot snapshot = TakeSnapshot(dev.get(), {});
  AEGIS_REQUIRE_OR_SKIP(std::filesystem::is_directory("/dev/shm"), "/dev/shm");
  EXPECT_TRUE(snapshot.gaps.Hides("shm/x"));
  EXPECT_EQ(NodeOf(snapshot, "shm").type, NodeType::kDirectory);
  const Exclusion exclusion = Excluding({"pts"});
  const Snapshot across = TakeSnapshot(dev.get(), exclusion, {.across_mounts = true});
  EXPECT_FALSE(across.gaps.Hides("shm/x"));
}

TEST(SnapshotTest, ExclusionsTakeNamesAndWhatIsBelow) {
  const config::TestDirectory directory;
  for (const std::string_view name :
       {".git/HEAD", "a/node_modules/x", "a/b.o", "keep", "state/audit.db", "x/out/1", "out/1"}) {
    directory.Write(name, "x");
  }
  const Exclusion exclusion = Excluding({".git", "node_modules/", "*.o", "/x/out"}, "state");
  EXPECT_THAT(NamesOf(Take(directory.path(), exclusion)),
              ElementsAre("a", "keep", "out", "out/1", "x"));
  EXPECT_TRUE(exclusion.CoversAnyOf("a/node_modules/x"));
  EXPECT_TRUE(exclusion.CoversAnyOf("state/audit.db"));
  EXPECT_FALSE(exclusion.CoversAnyOf("state2"));
  EXPECT_FALSE(exclusion.CoversAnyOf("out/1"));
  EXPECT_FALSE(Exclusion().CoversAnyOf("a"));
}

TEST(SnapshotTest, APatternThatIsNoneIsRefused) {
  for (const std::string& pattern : {std::string(), std::string("/"), std::string("\xff"),
                                     std::string(ledger::Glob::kMaxLength + 1, 'x')}) {
    const auto exclusion = Exclusion::Make(std::vector{pattern}, "");
    ASSERT_FALSE(exclusion);
    EXPECT_THAT(exclusion.error().message(), testing::HasSubstr("--exclude"));
  }
}

TEST(SnapshotTest, EqualTreesHaveEqualRootDigests) {
  const config::TestDirectory one;
  const config::TestDirectory two;
  for (const config::TestDirectory* directory : {&one, &two}) {
    directory->Write("a/b", "x");
    directory->Write("c", "y");
  }
  const canon::Sha256 digest = RootDigest(Take(one.path()));
  EXPECT_EQ(digest, RootDigest(Take(two.path())));
  two.Write("c", "z");
  EXPECT_NE(digest, RootDigest(Take(two.path())));
  two.Write("c", "y");
  EXPECT_EQ(digest, RootDigest(Take(two.path())));
  ::chmod((two / "c").c_str(), 0600);
  EXPECT_NE(digest, RootDigest(Take(two.path())));
}

TEST(SnapshotTest, ARemovedDirectoryIsEmpty) {
  const config::TestDirectory directory;
  std::filesystem::create_directory(directory / "d");
  const base::UniqueFd root(::open((directory / "d").c_str(), O_PATH | O_CLOEXEC));
  std::filesystem::remove(directory / "d");
  const Snapshot snapshot = TakeSnapshot(root.get(), {});
  EXPECT_THAT(snapshot.names, IsEmpty());
  EXPECT_EQ(snapshot.gaps.total(), 0U);
}

TEST(GapListTest, ManyGapsAreCountedAndOnlyTheFirstNamed) {
  GapList gaps;
  for (std::size_t i = 0; i < GapList::kMaxNamed + 5; ++i) {
    gaps.Add({.kind = GapKind::kUnreadable, .name = "f" + std::to_string(i), .detail = "why"});
  }
  EXPECT_EQ(gaps.named().size(), GapList::kMaxNamed);
  EXPECT_EQ(gaps.total(), GapList::kMaxNamed + 5);
  EXPECT_FALSE(gaps.Hides("x"));
  for (std::size_t i = 0; i < 2; ++i) {
    gaps.Add({.kind = GapKind::kUnreadable, .name = "d", .detail = "why", .hides = true});
  }
  EXPECT_TRUE(gaps.Hides("x")) << "of an unnamed directory nothing is known";
}

}  // namespace
}  // namespace aegis::observe
