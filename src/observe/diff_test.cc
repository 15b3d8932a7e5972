#include "observe/diff.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/unique_fd.h"
#include "config/test_directory.h"
#include "observe/gap.h"
#include "observe/snapshot.h"

namespace aegis::observe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Snapshot Take(const std::string& path) {
  const base::UniqueFd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return TakeSnapshot(root.get(), {});
}

// "created a", "renamed a b", "modified a content mtime"
std::vector<std::string> Told(const std::vector<Change>& changes) {
  std::vector<std::string> told;
  for (const Change& change : changes) {
    std::string line = std::string(ChangeKindName(change.kind)) + " " + change.name;
    line += change.target.empty() ? "" : " " + change.target;
    for (const std::string_view what : change.what) {
      line.append(" ").append(what);
    }
    told.push_back(line);
  }
  return told;
}

TEST(DiffTest, NothingChangedIsNoChange) {
  const config::TestDirectory directory;
  directory.Write("a/b", "x");
  EXPECT_THAT(Diff(Take(directory.path()), Take(directory.path())), IsEmpty());
}

TEST(DiffTest, CreatedDeletedModified) {
  const config::TestDirectory directory;
  directory.Write("changed", "x");
  directory.Write("gone/file", "x");
  directory.Write("mode", "x");
  const Snapshot before = Take(directory.path());
  std::filesystem::remove_all(directory / "gone");
  directory.Write("changed", "yy");
  directory.Write("new/file", "x");
  ::chmod((directory / "mode").c_str(), 0600);
  EXPECT_THAT(Told(Diff(before, Take(directory.path()))),
              ElementsAre("modified changed content mtime", "deleted gone", "deleted gone/file",
                          "modified mode mode", "created new", "created new/file"));
}

TEST(DiffTest, ContentOfTheSameSizeAndTimeIsCompared) {
  const config::TestDirectory directory;
  const std::string file = directory.Write("f", "one");
  const auto time = std::filesystem::last_write_time(file);
  const Snapshot before = Take(directory.path());
  directory.Write("f", "two");
  std::filesystem::last_write_time(file, time);
  EXPECT_THAT(Told(Diff(before, Take(directory.path()))), ElementsAre("modified f content"));
}

TEST(DiffTest, RenamesOfFilesAndDirectories) {
  const config::TestDirectory directory;
  directory.Write("d/file", "x");
  directory.Write("a", "y");
  const Snapshot before = Take(directory.path());
  std::filesystem::rename(directory / "d", directory / "e");
  std::filesystem::rename(directory / "a", directory / "e/b");
  EXPECT_THAT(Told(Diff(before, Take(directory.path()))),
              ElementsAre("renamed a e/b", "renamed d e", "renamed d/file e/file"));
}

TEST(DiffTest, ReplacingByRenameIsAModification) {
  const config::TestDirectory directory;
  directory.Write("f", "old");
  const Snapshot before = Take(directory.path());
  directory.Write("f.tmp", "new");
  std::filesystem::rename(directory / "f.tmp", directory / "f");
  EXPECT_THAT(Told(Diff(before, Take(directory.path()))),
              ElementsAre("modified f content mtime inode"));
}

// File systems hand the number of a removed inode to the next file.
TEST(DiffTest, AReusedInodeIsNoRename) {
  const config::TestDirectory directory;
  directory.Write("a", "");
  const Snapshot before = Take(directory.path());
  std::filesystem::remove(directory / "a");
  directory.Write("b", "");
  EXPECT_THAT(Told(Diff(before, Take(directory.path()))), ElementsAre("deleted a", "created b"));
}

TEST(DiffTest, AnotherTypeIsDeletionAndCreation) {
  const config::TestDirectory directory;
  directory.Write("a", "x");
  const Snapshot before = Take(directory.path());
  std::filesystem::remove(directory / "a");
  std::filesystem::create_directory(directory / "a");
  EXPECT_THAT(Told(Diff(before, Take(directory.path()))), ElementsAre("deleted a", "created a"));
}

TEST(DiffTest, WhatWasWithinAGapIsRevealedNotCreated) {
  Snapshot before;
  before.gaps.Add({.kind = GapKind::kUnreadable, .name = "d", .detail = "why", .hides = true});
  Snapshot after;
  after.names = {{.name = "d/x", .node = {.inode = 1}}, {.name = "e", .node = {.inode = 2}}};
  EXPECT_THAT(Told(Diff(before, after)), ElementsAre("revealed d/x", "created e"));
  EXPECT_THAT(Told(Diff(after, before)), ElementsAre("hidden d/x", "deleted e"));
}

TEST(DiffTest, UnreadContentIsToldByTheTimeOfItsChange) {
  Snapshot before;
  before.names = {{.name = "f", .node = {.size = 5, .inode = 1, .ctime_ns = 1}}};
  Snapshot after = before;
  EXPECT_THAT(Diff(before, after), IsEmpty());
  after.names[0].node.ctime_ns = 2;
  EXPECT_THAT(Told(Diff(before, after)), ElementsAre("modified f ctime"));
  after.names[0].node.size = 6;
  EXPECT_THAT(Told(Diff(before, after)), ElementsAre("modified f content"));
  after.names[0] = {.name = "g", .node = {.size = 5, .inode = 1, .ctime_ns = 2}};
  EXPECT_THAT(Told(Diff(before, after)), ElementsAre("renamed f g"));
}

// A second reading that shares no code: what stands under each name, as text.
using Model = std::map<std::string, std::string>;

Model Read(const std::string& root) {
  Model model;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().string().substr(root.size() + 1);
    if (entry.is_symlink()) {
      model[name] = "l" + std::filesystem::read_symlink(entry.path()).string();
    } else if (entry.is_directory()) {
      model[name] = "d";
    } else {
      std::ifstream file(entry.path(), std::ios::binary);
      model[name] = "f" + std::string(std::istreambuf_iterator<char>(file), {});
    }
  }
  return model;
}

// One random change of a small tree, so that names meet often. Failures are part of it.
void Meddle(std::mt19937& random, const std::string& root) {
  static const std::vector<std::string> kNames = {"a", "b", "a/a", "a/b", "b/a", "c", "a/a/a"};
  const auto name = [&] { return root + "/" + kNames[random() % kNames.size()]; };
  std::error_code ignored;
  switch (random() % 6) {
    case 0:
      std::filesystem::create_directory(name(), ignored);
      break;
    case 1:
      std::filesystem::remove_all(name(), ignored);
      break;
    case 2:
      std::filesystem::rename(name(), name(), ignored);
      break;
    case 3:
      std::filesystem::create_hard_link(name(), name(), ignored);
      break;
    case 4:
      std::filesystem::create_symlink("to" + std::to_string(random() % 3), name(), ignored);
      break;
    default:
      std::ofstream(name()) << random() % 3;
      break;
  }
}

TEST(DiffTest, AgreesWithASecondReadingAfterRandomOperations) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);  // NOLINT(bugprone-random-generator-seed): repeatable
    const config::TestDirectory directory;
    for (std::size_t i = 0; i < 8; ++i) {
      Meddle(random, directory.path());
    }
    const Model model_before = Read(directory.path());
    const Snapshot before = Take(directory.path());
    for (std::size_t i = 0; i < seed % 20; ++i) {
      Meddle(random, directory.path());
    }
    const Model model_after = Read(directory.path());
    // Applied to the names of before, the changes must give those of after.
    Model applied = model_before;
    for (const Change& change : Diff(before, Take(directory.path()))) {
      if (change.kind == ChangeKind::kDeleted || change.kind == ChangeKind::kRenamed) {
        ASSERT_EQ(applied.erase(change.name), 1U) << seed << " " << change.name;
      }
    }
    for (const Change& change : Diff(before, Take(directory.path()))) {
      const std::string& name = change.target.empty() ? change.name : change.target;
      if (change.kind != ChangeKind::kDeleted) {
        ASSERT_EQ(applied.contains(name), change.kind == ChangeKind::kModified) << seed << name;
        applied[name] = model_after.at(name);
      }
    }
    ASSERT_EQ(applied, model_after) << "seed " << seed;
  }
}

}  // namespace
}  // namespace aegis::observe
