#include "gate/resolver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "gate/process_table.h"
#include "gate/test_roots.h"
#include "gate/walk.h"
#include "sandbox/uapi.h"

namespace aegis::gate {
namespace {

class ResolverTest : public ::testing::Test {
 protected:
  Process& Self() {
    Process* self = processes_.Find(::getpid());
    EXPECT_NE(self, nullptr);
    return *self;
  }
  Resolved Look(const std::string& path, Leaf leaf = Leaf::kFollow) {
    return resolver_.Resolve(Self(), AT_FDCWD, path, leaf);
  }
  Resolved Walked(const std::string& path, Leaf leaf) {
    return Walk(files_.roots, &Self()).Run(base::UniqueFd(), path, leaf);
  }

  TestRoots files_;
  ProcessTable processes_{files_.roots};
  Resolver resolver_{files_.roots, processes_};
};

TEST_F(ResolverTest, NamesAPlainFile) {
  files_.File("a");
  const Resolved found = Look(files_.Path("a"));
  EXPECT_EQ(found.name, files_.Path("a"));
  EXPECT_TRUE(found.exists());
  EXPECT_TRUE(found.parent.valid());
  EXPECT_EQ(found.leaf, "a");
  EXPECT_EQ(found.error, 0);
}

TEST_F(ResolverTest, AMissingLeafMayBeCreated) {
  const Resolved missing = Look(files_.Path("new"));
  EXPECT_EQ(missing.name, files_.Path("new"));
  EXPECT_FALSE(missing.exists());
  EXPECT_TRUE(missing.creatable());
}

TEST_F(ResolverTest, ANewNameIsNotLookedAt) {
  files_.File("there");
  files_.Symlink(".", "here");
  for (const char* name : {"there", "new"}) {
    const Resolved found = resolver_.ResolveNew(Self(), AT_FDCWD, files_.Path("here/") + name);
    EXPECT_EQ(found.name, files_.Path(name));
    EXPECT_TRUE(found.creatable());
    EXPECT_EQ(found.leaf, name);
  }
  EXPECT_FALSE(resolver_.ResolveNew(Self(), AT_FDCWD, files_.Path("no/new")).creatable());
  EXPECT_FALSE(resolver_.ResolveNew(Self(), AT_FDCWD, files_.Path("there/.")).creatable());
}

TEST_F(ResolverTest, AMissingDirectoryIsNamedToTheEnd) {
  const Resolved missing = Look(files_.Path("no/such/../file"));
  EXPECT_EQ(missing.name, files_.Path("no/file"));
  EXPECT_EQ(missing.error, ENOENT);
  EXPECT_FALSE(missing.creatable());
}

TEST_F(ResolverTest, FollowsOrKeepsTheLastLink) {
  files_.File("target");
  files_.Symlink("target", "link");
  EXPECT_EQ(Look(files_.Path("link")).name, files_.Path("target"));
  const Resolved kept = Look(files_.Path("link"), Leaf::kKeep);
  EXPECT_EQ(kept.name, files_.Path("link"));
  EXPECT_TRUE(S_ISLNK(kept.st.st_mode));
}

TEST_F(ResolverTest, ADanglingLinkNamesWhatItWouldCreate) {
  files_.Directory("d");
  files_.Symlink("d/new", "link");
  const Resolved dangling = Look(files_.Path("link"));
  EXPECT_EQ(dangling.name, files_.Path("d/new"));
  EXPECT_TRUE(dangling.creatable());
  EXPECT_EQ(dangling.leaf, "new");
}

TEST_F(ResolverTest, LoopsEnd) {
  files_.Symlink("b", "a");
  files_.Symlink("a", "b");
  EXPECT_EQ(Look(files_.Path("a")).error, ELOOP);
}

TEST_F(ResolverTest, ATrailingSlashWantsADirectory) {
  files_.File("file");
  files_.Directory("dir");
  EXPECT_EQ(Look(files_.Path("file/")).error, ENOTDIR);
  EXPECT_EQ(Look(files_.Path("dir/")).error, 0);
  EXPECT_EQ(Look(files_.Path("dir/")).name, files_.Path("dir"));
}

TEST_F(ResolverTest, DotsHaveNoParent) {
  files_.Directory("dir");
  const Resolved dot = Look(files_.Path("dir/."));
  EXPECT_EQ(dot.name, files_.Path("dir"));
  EXPECT_FALSE(dot.parent.valid());
  EXPECT_EQ(Look(files_.Path("dir/..")).name, files_.directory());
}

TEST_F(ResolverTest, ABadDescriptorIsEbadf) {
  EXPECT_EQ(resolver_.Resolve(Self(), 9999, "x", Leaf::kFollow).error, EBADF);
  EXPECT_EQ(resolver_.ResolveObject(Self(), -7, "x", Leaf::kFollow).error, EBADF);
  EXPECT_EQ(resolver_.ResolveDescriptor(Self(), 9999).error, EBADF);
}

TEST_F(ResolverTest, NothingIsReachedFromWhatIsNoDirectory) {
  files_.File("a");
  const base::UniqueFd file(::open(files_.Path("a").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(pipe[0]);
  const base::UniqueFd writer(pipe[1]);
  for (const int fd : {file.get(), reader.get()}) {
    for (const char* path : {".", "..", "x", "x/"}) {
      const Resolved found = resolver_.Resolve(Self(), fd, path, Leaf::kKeep);
      EXPECT_EQ(found.error, ENOTDIR) << path;
      EXPECT_TRUE(found.stopped && found.name.empty()) << path;
      EXPECT_TRUE(resolver_.ResolveNew(Self(), fd, path).stopped) << path;
      EXPECT_TRUE(resolver_.ResolveObject(Self(), fd, path, Leaf::kFollow).stopped) << path;
    }
    EXPECT_EQ(resolver_.Resolve(Self(), fd, files_.Path("a"), Leaf::kKeep).error, 0);
  }
}

TEST_F(ResolverTest, AnEmptyPathIsMissingWhateverTheDescriptor) {
  for (const int fd : {AT_FDCWD, 9999, -7}) {
    EXPECT_EQ(resolver_.Resolve(Self(), fd, "", Leaf::kFollow).error, ENOENT);
    EXPECT_EQ(resolver_.ResolveNew(Self(), fd, "").error, ENOENT);
    EXPECT_EQ(resolver_.ResolveObject(Self(), fd, "", Leaf::kKeep).error, ENOENT);
    EXPECT_EQ(resolver_.ResolveWithin(Self(), fd, "", Leaf::kKeep, RESOLVE_BENEATH).error, ENOENT);
  }
  EXPECT_TRUE(resolver_.Resolve(Self(), AT_FDCWD, "", Leaf::kFollow).stopped);
}

TEST_F(ResolverTest, DescriptorsAreDirectories) {
  files_.File("a");
  const int fd = ::open(files_.directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  EXPECT_EQ(resolver_.Resolve(Self(), fd, "a", Leaf::kFollow).name, files_.Path("a"));
  EXPECT_EQ(resolver_.ResolveDescriptor(Self(), fd).name, files_.directory());
  ::close(fd);
}

TEST_F(ResolverTest, AnUnlinkedFileKeepsItsName) {
  files_.File("gone");
  const int fd = ::open(files_.Path("gone").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::unlink(files_.Path("gone").c_str()), 0);
  EXPECT_EQ(resolver_.ResolveDescriptor(Self(), fd).name, files_.Path("gone"));
  ::close(fd);
}

TEST_F(ResolverTest, AFileCalledDeletedIsNotRenamed) {
  files_.File("x (deleted)");
  EXPECT_EQ(Look(files_.Path("x (deleted)")).name, files_.Path("x (deleted)"));
  EXPECT_EQ(
      resolver_.ResolveObject(Self(), AT_FDCWD, files_.Path("x (deleted)"), Leaf::kFollow).name,
      files_.Path("x (deleted)"));
}

TEST_F(ResolverTest, TheCallersOwnProcIsSelf) {
  for (const char* path : {"/proc/self/status", "/proc/thread-self/../../status"}) {
    EXPECT_EQ(Look(path).name, "/proc/self/status") << path;
  }
  const std::string own = "/proc/" + std::to_string(::getpid()) + "/status";
  EXPECT_EQ(Look(own).name, "/proc/self/status");
}

TEST_F(ResolverTest, MagicLinksGiveTheRealObject) {
  files_.File("a");
  const int fd = ::open(files_.Path("a").c_str(), O_RDONLY | O_CLOEXEC);
  const std::string number = std::to_string(fd);
  for (const std::string& path : {"/proc/self/fd/" + number, "/dev/fd/" + number}) {
    const Resolved found = Look(path);
    EXPECT_EQ(found.name, files_.Path("a")) << path;
    EXPECT_FALSE(found.parent.valid());
  }
  EXPECT_EQ(Look("/proc/self/root" + files_.Path("a")).name, files_.Path("a"));
  ::close(fd);
}

TEST_F(ResolverTest, APipeIsNamedByItsDescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const std::string name = "/proc/self/fd/" + std::to_string(ends[1]);
  EXPECT_EQ(Look(name).name, name);
  EXPECT_TRUE(Look(name).exists());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(ResolverTest, WhatOfPidOneIsNotForTheAgent) {
  EXPECT_TRUE(Look("/proc/1/environ").aegis_state);
  EXPECT_TRUE(Look("/proc/1/root/etc/passwd").aegis_state);
  EXPECT_TRUE(Look("/proc/1/fd/0").aegis_state);
  EXPECT_TRUE(Look("/proc/1/mem").aegis_state);
  EXPECT_FALSE(Look("/proc/1/stat").aegis_state);
  EXPECT_FALSE(Look("/proc/1/cmdline").aegis_state);
}

TEST_F(ResolverTest, HiddenNamesAreJudgedByTheHostsName) {
  files_.Directory("mask");
  files_.Directory("real");
  files_.File("real/secret");
  files_.Symlink("real", "mask/alias");
  struct stat st{};
  ASSERT_EQ(::stat(files_.directory().c_str(), &st), 0);
  files_.roots.synthetic.push_back(st.st_dev);  // as if this file system hid another
  const Resolved missing = Look(files_.Path("mask/none"));
  EXPECT_FALSE(missing.exists());
  EXPECT_FALSE(missing.hidden);
  EXPECT_EQ(missing.name, files_.Path("mask/none"));
}

TEST_F(ResolverTest, WhatLiesTooDeepHasNoNameAtAll) {
  const int before = ::open(".", O_PATH | O_CLOEXEC);
  ASSERT_EQ(::chdir(files_.directory().c_str()), 0);
  const std::string component(250, 'd');
  for (int depth = 0; depth < 20; ++depth) {
    ASSERT_EQ(::mkdir(component.c_str(), 0700), 0);
    ASSERT_EQ(::chdir(component.c_str()), 0);
  }
  const int file = ::open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  processes_.FileStateChanging(Self());
  for (const char* name : {"file", "./file", "missing", "missing/more", "file/more", "."}) {
    EXPECT_EQ(Look(name).name, "") << name;
    EXPECT_EQ(resolver_.ResolveObject(Self(), AT_FDCWD, name, Leaf::kFollow).name, "") << name;
    EXPECT_EQ(resolver_.ResolveNew(Self(), AT_FDCWD, name).name, "") << name;
  }
  EXPECT_EQ(resolver_.ResolveDescriptor(Self(), file).name, "");
  EXPECT_EQ(Look("/proc/self/fd/" + std::to_string(file)).name, "");
  ::close(file);
  ASSERT_EQ(::fchdir(before), 0);
  ::close(before);
  processes_.FileStateChanging(Self());
}

TEST(LexicallyNormalTest, KeepsInsideTheRoot) {
  EXPECT_EQ(LexicallyNormal("/a/./b//c/../d"), "/a/b/d");
  EXPECT_EQ(LexicallyNormal("/../../x"), "/x");
  EXPECT_EQ(LexicallyNormal("/"), "/");
  EXPECT_EQ(LexicallyNormal(""), "/");
}

// Property: over random trees of directories, files and links, every way to look a name up agrees
// with realpath(3).
class RandomTreeTest : public ResolverTest {
 protected:
  std::string Pick() {
    return names_[std::uniform_int_distribution<std::size_t>(0, names_.size() - 1)(random_)];
  }
  std::string RandomPath() {
    std::string path;
    const int length = std::uniform_int_distribution<int>(1, 4)(random_);
    for (int i = 0; i < length; ++i) {
      path += (i == 0 ? "" : "/") + Pick();
    }
    return path;
  }
  void Grow() {
    for (int i = 0; i < 12; ++i) {
      const std::string path = files_.Path(RandomPath());
      switch (std::uniform_int_distribution<int>(0, 3)(random_)) {
        case 0:
        case 1:
          ::mkdir(path.c_str(), 0700);
          break;
        case 2:
          (void)!::symlink(RandomPath().c_str(), path.c_str());
          break;
        default:
          ::close(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
      }
    }
  }

  std::mt19937 random_{12345};
  std::vector<std::string> names_{"a", "b", "c", "..", ".", "d"};
};

TEST_F(RandomTreeTest, AgreesWithRealpath) {
  for (int round = 0; round < 40; ++round) {
    Grow();
    for (int i = 0; i < 100; ++i) {
      const std::string path = files_.Path(RandomPath());
      const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr),
                                                          ::free);
      const Resolved fast = Look(path);
      const Resolved object = resolver_.ResolveObject(Self(), AT_FDCWD, path, Leaf::kFollow);
      const Resolved walked = Walked(path, Leaf::kFollow);
      ASSERT_EQ(fast.exists() && fast.error == 0, real != nullptr) << path;
      ASSERT_EQ(object.exists() && object.error == 0, real != nullptr) << path;
      ASSERT_EQ(walked.exists() && walked.error == 0, real != nullptr) << path;
      if (real != nullptr) {
        ASSERT_EQ(fast.name, real.get()) << path;
        ASSERT_EQ(object.name, real.get()) << path;
        ASSERT_EQ(walked.name, real.get()) << path;
      } else {
        ASSERT_EQ(fast.name, walked.name) << path;
        ASSERT_EQ(fast.error, walked.error) << path;
      }
    }
  }
}

// Property: a walk that is held back by flags of openat2(2) answers as the kernel's own.
TEST_F(RandomTreeTest, AgreesWithOpenat2) {
  const std::vector<std::string> texts = {"/",
                                          "/proc/self",
                                          "/proc/self/cwd",
                                          "/proc/self/root",
                                          "/proc/self/exe",
                                          "/proc/mounts",
                                          "/dev/null",
                                          files_.directory(),
                                          files_.Path("a"),
                                          "../../..",
                                          "a/../b/.."};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    names_.push_back("to" + std::to_string(i));
    files_.Symlink(texts[i], names_.back());
  }
  names_.emplace_back("proc");
  const base::UniqueFd base(::open(files_.directory().c_str(), O_PATH | O_CLOEXEC));
  int reached = 0;
  int stopped = 0;
  for (int i = 0; i < 40'000; ++i) {
    if (i % 1000 == 0) {
      Grow();
    }
    const std::string path = (random_() % 4 == 0 ? "/" : "") + RandomPath();
    // Every pair of the five flags but RESOLVE_CACHED; the two scopes exclude each other.
    const std::uint64_t resolve = 1U << (random_() % 5) | 1U << (random_() % 5);
    if ((resolve & RESOLVE_BENEATH) != 0 && (resolve & RESOLVE_IN_ROOT) != 0) {
      continue;
    }
    const bool keep = random_() % 3 == 0;
    base::UniqueFd wanted;
    int error = EAGAIN;  // the kernel's answer to `..` while anything anywhere is renamed
    while (error == EAGAIN) {
      wanted.Reset(sandbox::uapi::OpenAt2(base.get(), path.c_str(),
                                          O_PATH | (keep ? O_NOFOLLOW : 0), 0, resolve));
      error = wanted.valid() ? 0 : errno;
    }
    const Resolved found = resolver_.ResolveWithin(Self(), base.get(), path,
                                                   keep ? Leaf::kKeep : Leaf::kFollow, resolve);
    ASSERT_EQ(found.error, error) << path << " " << resolve << (keep ? " kept" : "");
    stopped += found.stopped ? 1 : 0;
    if (error == 0) {
      struct stat st{};
      ASSERT_EQ(::fstat(wanted.get(), &st), 0);
      ASSERT_TRUE(found.st.st_ino == st.st_ino && found.st.st_dev == st.st_dev)
          << path << " " << resolve << " is " << found.name;
      ++reached;
    }
  }
  EXPECT_GT(reached, 1000);
  EXPECT_GT(stopped, 1000);
}

TEST_F(ResolverTest, AScopedWalkStaysInItsDirectory) {
  files_.Directory("root");
  files_.Directory("root/d");
  files_.File("secret");
  files_.File("root/secret");
  files_.Symlink("/secret", "root/link");
  const base::UniqueFd root(::open(files_.Path("root").c_str(), O_PATH | O_CLOEXEC));
  const auto look = [&](const char* path, std::uint64_t resolve) {
    return resolver_.ResolveWithin(Self(), root.get(), path, Leaf::kFollow, resolve);
  };
  for (const char* path : {"/secret", "../secret", "d/../../../secret", "link"}) {
    EXPECT_EQ(look(path, RESOLVE_IN_ROOT).name, files_.Path("root/secret")) << path;
    const Resolved beneath = look(path, RESOLVE_BENEATH);
    EXPECT_TRUE(beneath.stopped && beneath.error == EXDEV && !beneath.exists()) << path;
  }
  EXPECT_EQ(look("d/../secret", RESOLVE_BENEATH).name, files_.Path("root/secret"));
  const Resolved missing = look("../d/new", RESOLVE_IN_ROOT);
  EXPECT_TRUE(missing.creatable());
  EXPECT_EQ(missing.name, files_.Path("root/d/new"));
  EXPECT_EQ(look("x", RESOLVE_IN_ROOT).name, files_.Path("root/x"));
  EXPECT_EQ(resolver_.ResolveWithin(Self(), 9999, "/x", Leaf::kFollow, RESOLVE_IN_ROOT).error,
            EBADF);
}

}  // namespace
}  // namespace aegis::gate
