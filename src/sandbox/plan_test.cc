#include "sandbox/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/fake_host.h"
#include "sandbox/mode.h"
#include "sandbox/paths.h"

namespace aegis::sandbox {
namespace {

using Kind = Mount::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

// A merged-/usr Debian with a user "u".
class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    host_.Directory("/usr/bin").Symlink("/bin", "usr/bin").Symlink("/lib64", "usr/lib64");
    host_.File("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    host_.Directory("/usr/lib64").Symlink("/lib", "usr/lib").Symlink("/sbin", "usr/sbin");
    host_.Symlink("/usr/lib64/ld-linux-x86-64.so.2",
                  "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    host_.Directory("/etc").File("/etc/shadow").Directory("/sys/devices");
    host_.Directory("/home/u/proj/src").Directory("/home/u/.ssh").File("/home/u/.netrc");
    host_.Directory("/home/u/.aegis").Directory("/tmp").Directory("/var/tmp");
    for (const char* device : {"null", "zero", "full", "random", "urandom", "tty"}) {
      host_.Device(std::string("/dev/") + device);
    }
    input_.visible = {"/etc", "/home/u/proj", "/usr"};
    input_.executable = {"/home/u/proj", "/usr"};
    input_.home = "/home/u";
    input_.dir = "/home/u/proj";
    input_.aegis_home = "/home/u/.aegis";
    input_.command = {
        .program = "/usr/bin/true", .argv = {"true"}, .env = {}, .cwd = "/home/u/proj"};
  }

  Plan Build() {
    auto plan = BuildPlan(input_, host_);
    EXPECT_TRUE(plan.has_value()) << plan.error().message();
    return plan.value_or(Plan{});
  }

  // "kind source target", without the constant /dev.
  static std::vector<std::string> Lines(const Plan& plan) {
    std::vector<std::string> lines;
    for (const Mount& mount : plan.mounts) {
      if (!IsWithin(mount.target, "/dev")) {
        lines.push_back(Line(mount));
      }
    }
    return lines;
  }

  static std::string Line(const Mount& mount) {
    const char* const names[] = {"bind",     "tmpfs", "maskdir", "maskfile", "devpts",
                                 "readonly", "dir",   "text",    "file",     "link"};
    std::string line = names[static_cast<int>(mount.kind)];
    line += " " + mount.target;
    if (!mount.source.empty() && mount.source != mount.target) {
      line += " <- " + mount.source;
    }
    if (mount.kind == Kind::kBind && mount.read_only) {
      line += " ro";
    }
    return line;
  }

  FakeHost host_;
  PlanInput input_;
};

TEST_F(PlanTest, ComposesTheVisibleSubtrees) {
  const Plan plan = Build();
  EXPECT_FALSE(plan.whole_root);
  EXPECT_TRUE(plan.private_network);
  EXPECT_THAT(
      Lines(plan),
      ElementsAre("link /bin <- usr/bin", "link /lib <- usr/lib", "link /lib64 <- usr/lib64",
                  "link /sbin <- usr/sbin", "dir /etc", "bind /etc", "dir /home", "dir /home/u",
                  "dir /home/u/proj", "bind /home/u/proj", "dir /usr", "bind /usr"));
  EXPECT_THAT(plan.masked, IsEmpty());  // nothing of Aegis' state is shown
  EXPECT_EQ(plan.command.cwd, "/home/u/proj");
}

TEST_F(PlanTest, MakesAMinimalDev) {
  input_.terminal = "/dev/pts/3";
  const Plan plan = Build();
  std::vector<std::string> lines;
  for (const Mount& mount : plan.mounts) {
    if (IsWithin(mount.target, "/dev")) {
      lines.push_back(Line(mount));
    }
  }
  EXPECT_THAT(
      lines,
      ElementsAre("dir /dev", "tmpfs /dev", "file /dev/null", "bind /dev/null", "file /dev/zero",
                  "bind /dev/zero", "file /dev/full", "bind /dev/full", "file /dev/random",
                  "bind /dev/random", "file /dev/urandom", "bind /dev/urandom", "file /dev/tty",
                  "bind /dev/tty", "link /dev/fd <- /proc/self/fd",
                  "link /dev/stdin <- /proc/self/fd/0", "link /dev/stdout <- /proc/self/fd/1",
                  "link /dev/stderr <- /proc/self/fd/2", "link /dev/ptmx <- pts/ptmx",
                  "dir /dev/pts", "devpts /dev/pts", "dir /dev/shm", "tmpfs /dev/shm",
                  "file /dev/console", "bind /dev/console <- /dev/pts/3"));
}

TEST_F(PlanTest, ShowsOnlyNamedDevices) {
  host_.Device("/dev/kvm").Device("/dev/sda").Directory("/dev/dri").Device("/dev/pts/7");
  input_.visible = {"/dev/dri", "/dev/kvm", "/dev/null", "/dev/pts/7", "/usr"};
  const Plan plan = Build();
  EXPECT_THAT(plan.mounts,
              Contains(Mount{.kind = Kind::kBind, .source = "/dev/kvm", .target = "/dev/kvm"}));
  EXPECT_THAT(plan.mounts,
              Contains(Mount{.kind = Kind::kBind, .source = "/dev/dri", .target = "/dev/dri"}));
  EXPECT_EQ(std::ranges::count(plan.mounts, "/dev/null", &Mount::source), 1);
  EXPECT_EQ(std::ranges::count(plan.mounts, "/dev/pts/7", &Mount::source), 0);
  EXPECT_EQ(std::ranges::count(plan.mounts, "/dev/sda", &Mount::source), 0);

  input_.visible = {"/dev", "/usr"};  // even then: ours
  EXPECT_EQ(std::ranges::count(Build().mounts, "/dev", &Mount::source), 0);
}

TEST_F(PlanTest, MasksWhatIsHiddenInWhatIsShown) {
  input_.visible = {"/etc", "/home/u", "/usr"};
  input_.hidden = {"/etc/shadow", "/home/u/.gnupg", "/home/u/.netrc", "/home/u/.ssh", "/root"};
  host_.Directory("/root");
  const Plan plan = Build();
  EXPECT_THAT(plan.masked,
              ElementsAre("/etc/shadow", "/home/u/.aegis", "/home/u/.netrc", "/home/u/.ssh"));
  EXPECT_THAT(Lines(plan), IsSupersetOf({"maskfile /etc/shadow", "maskdir /home/u/.aegis",
                                         "maskfile /home/u/.netrc", "maskdir /home/u/.ssh"}));
  EXPECT_EQ(plan.mounts.back().target, "/home/u/.ssh") << "masks come last";
}

TEST_F(PlanTest, MasksWhatAHiddenLinkNames) {
  host_.Directory("/home/u/dotfiles/aws").Symlink("/home/u/.aws", "dotfiles/aws");
  input_.visible = {"/home/u"};
  input_.hidden = {"/home/u/.aws"};
  EXPECT_THAT(Lines(Build()), Contains("maskdir /home/u/dotfiles/aws"));
}

TEST_F(PlanTest, LeavesOutWhatIsVisibleOnlyBelowAMask) {
  input_.visible = {"/home/u/.aegis/default", "/home/u/.ssh/config", "/usr"};
  host_.File("/home/u/.ssh/config").Directory("/home/u/.aegis/default");
  input_.hidden = {"/home/u/.ssh"};
  const Plan plan = Build();
  EXPECT_THAT(Lines(plan), Not(Contains("bind /home/u/.ssh/config")));
  EXPECT_THAT(Lines(plan), Not(Contains("bind /home/u/.aegis/default")));
}

TEST_F(PlanTest, EverythingHiddenShowsNothing) {
  input_.visible = {"/"};
  input_.hidden = {"/"};
  const Plan plan = Build();
  EXPECT_FALSE(plan.whole_root);
  EXPECT_EQ(std::ranges::count(plan.mounts, "/usr", &Mount::source), 0);
}

TEST_F(PlanTest, RecreatesLinksOnTheWay) {
  host_.Directory("/run/x").Symlink("/var/run", "/run");
  input_.visible = {"/bin", "/var/run/x"};
  const Plan plan = Build();
  EXPECT_THAT(Lines(plan),
              IsSupersetOf({"link /bin <- usr/bin", "dir /var", "link /var/run <- /run"}));
  EXPECT_EQ(std::ranges::count(plan.mounts, "/run/x", &Mount::source), 0);
  EXPECT_EQ(std::ranges::count(plan.mounts, "/bin", &Mount::target), 1);
}

TEST_F(PlanTest, ShowsTheParentOfANameThatMayBeCreated) {
  input_.visible = {"/etc/new", "/home/u/proj/src/out", "/newtop", "/usr/bin/new", "/home/other"};
  EXPECT_THAT(Lines(Build()), IsSupersetOf({"bind /home/u/proj/src", "bind /usr/bin"}));
  EXPECT_THAT(Lines(Build()), Not(Contains("bind /etc")));
  EXPECT_THAT(Lines(Build()), Not(Contains("bind /home")));

  input_.home = "/root";
  host_.Directory("/root");
  input_.visible = {"/root/.cache"};
  EXPECT_THAT(Lines(Build()), Contains("bind /root")) << "home, though only one level deep";
}

TEST_F(PlanTest, PrivateDirectoriesAreFresh) {
  input_.private_dirs = {"/dev/shm", "/tmp", "/var/tmp"};
  input_.visible = {"/dev/shm", "/home/u/proj", "/tmp", "/usr", "/var"};
  const Plan plan = Build();
  EXPECT_THAT(Lines(plan), IsSupersetOf({"dir /tmp", "tmpfs /tmp", "bind /var", "tmpfs /var/tmp"}));
  EXPECT_THAT(Lines(plan), Not(Contains("bind /tmp")));
  EXPECT_THAT(Lines(plan), Not(Contains("dir /var/tmp"))) << "nothing is made in the host's /var";
  EXPECT_THAT(plan.mounts,
              Contains(Mount{.kind = Kind::kTmpfs, .source = {}, .target = "/tmp", .mode = 01777}));
}

TEST_F(PlanTest, ProjectAndHomeStayInAPrivateDirectory) {
  host_.Directory("/tmp/t/home/.ssh").Directory("/tmp/t/proj").Directory("/tmp/t/home/.aegis");
  input_.home = "/tmp/t/home";
  input_.dir = input_.command.cwd = "/tmp/t/proj";
  input_.aegis_home = "/tmp/t/home/.aegis";
  input_.private_dirs = {"/tmp"};
  input_.visible = {"/tmp", "/usr"};
  input_.hidden = {"/tmp/t/home/.ssh"};
  EXPECT_THAT(Lines(Build()),
              IsSupersetOf({"tmpfs /tmp", "dir /tmp/t", "dir /tmp/t/home", "bind /tmp/t/home",
                            "dir /tmp/t/proj", "bind /tmp/t/proj", "maskdir /tmp/t/home/.aegis",
                            "maskdir /tmp/t/home/.ssh"}));
  // The twin: what the policy does not show is not bound.
  input_.visible = {"/usr"};
  EXPECT_THAT(Lines(Build()), Not(Contains("bind /tmp/t/proj")));
  // A project that is the private directory itself, or holds it, is no private one.
  input_.dir = "/tmp";
  input_.visible = {"/tmp", "/usr"};
  EXPECT_THAT(Lines(Build()), Contains("bind /tmp"));
}

TEST_F(PlanTest, TheWorkingDirectoryExistsEvenIfEmpty) {
  input_.visible = {"/usr"};
  input_.private_dirs = {"/tmp"};
  EXPECT_THAT(Lines(Build()), IsSupersetOf({"dir /home", "dir /home/u", "dir /home/u/proj"}));
  host_.Directory("/tmp/work");
  input_.command.cwd = "/tmp/work";
  EXPECT_THAT(Lines(Build()), IsSupersetOf({"tmpfs /tmp", "dir /tmp/work"}));
  // Not where it would stand in a mask.
  input_.visible = {"/home/u"};
  input_.command.cwd = "/home/u/.aegis";
  EXPECT_THAT(Lines(Build()), Not(Contains("dir /home/u/.aegis")));
}

TEST_F(PlanTest, WholeRootKeepsTheHostAndMasks) {
  input_.visible = {"/"};
  input_.executable = {"/"};
  input_.hidden = {"/home/u/.netrc", "/home/u/.nothing"};
  const Plan plan = Build();
  EXPECT_TRUE(plan.whole_root);
  EXPECT_THAT(Lines(plan),
              ElementsAre("maskdir /home/u/.aegis", "maskfile /home/u/.netrc", "readonly /sys"));
  EXPECT_THAT(plan.executable, ElementsAre("/"));
  EXPECT_THAT(plan.proc_mounts, Contains(Mount{.kind = Kind::kBind,
                                               .source = "/proc/sys",
                                               .target = "/proc/sys",
                                               .read_only = true,
                                               .optional = true}));
}

TEST_F(PlanTest, WholeRootKeepsTheProjectInAPrivateDirectory) {
  host_.Directory("/tmp/t/proj");
  input_.visible = {"/"};
  input_.private_dirs = {"/tmp", "/var/missing"};
  input_.dir = "/tmp/t/proj";
  EXPECT_THAT(Lines(Build()),
              ElementsAre("tmpfs /tmp", "dir /tmp/t", "dir /tmp/t/proj", "bind /tmp/t/proj",
                          "maskdir /home/u/.aegis", "readonly /sys"));
}

TEST_F(PlanTest, WrapSeesEverythingButAegis) {
  input_.mode = Mode::kWrap;
  input_.hidden = {"/home/u/.ssh"};
  const Plan plan = Build();
  EXPECT_TRUE(plan.whole_root);
  EXPECT_FALSE(plan.private_network);
  EXPECT_FALSE(plan.private_ipc);
  EXPECT_FALSE(plan.private_uts);
  EXPECT_THAT(Lines(plan), ElementsAre("maskdir /home/u/.aegis"));
  EXPECT_THAT(plan.proc_mounts, IsEmpty());
  EXPECT_THAT(plan.executable, ElementsAre("/"));
}

TEST_F(PlanTest, MasksAegisUnderItsRealName) {
  host_.Directory("/data/aegis").Symlink("/home/u/state", "/data/aegis");
  input_.aegis_home = "/home/u/state";
  input_.mode = Mode::kWrap;
  EXPECT_THAT(Build().masked, ElementsAre("/data/aegis"));
}

TEST_F(PlanTest, SysIsReadOnly) {
  input_.visible = {"/sys/devices", "/usr"};
  EXPECT_THAT(Lines(Build()), Contains("bind /sys/devices ro"));
}

TEST_F(PlanTest, ExecutablesBringTheLoader) {
  EXPECT_THAT(Build().executable, ElementsAre("/home/u/proj", "/usr"));
  input_.executable = {"/usr/bin/git"};
  EXPECT_THAT(Build().executable,
              ElementsAre("/usr/bin/git", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
  input_.executable = {};
  EXPECT_THAT(Build().executable, IsEmpty());
}

TEST_F(PlanTest, RefusesAProjectInAegisState) {
  for (const std::string dir : {"/home/u/.aegis", "/home/u/.aegis/x"}) {
    input_.dir = dir;
    const auto plan = BuildPlan(input_, host_);
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code(), base::Errc::kInvalid);
  }
  // By another name.
  host_.Symlink("/home/u/link", ".aegis");
  input_.dir = "/home/u/link";
  EXPECT_FALSE(BuildPlan(input_, host_).has_value());
  // The twin: above it is normal.
  input_.dir = "/home/u";
  EXPECT_TRUE(BuildPlan(input_, host_).has_value());
}

TEST_F(PlanTest, RefusesPathsThatAreNotPlain) {
  for (const std::string path : {"usr", "/usr/", "/usr/../etc", "//usr", "/usr/./bin", ""}) {
    input_.visible = {path};
    EXPECT_FALSE(BuildPlan(input_, host_).has_value()) << path;
  }
  input_.visible = {"/usr"};
  input_.command.cwd = "relative";
  EXPECT_FALSE(BuildPlan(input_, host_).has_value());
}

// The names of a run's own name server, in the place of the host's.
class SuppliedTest : public PlanTest {
 protected:
  SuppliedTest() {
    host_.File("/etc/resolv.conf");
    input_.supplied = {{.path = "/etc/resolv.conf", .text = "nameserver 127.0.0.1\n"}};
  }

  std::vector<Mount> Supplied() {
    std::vector<Mount> texts;
    for (const Mount& mount : Build().mounts) {
      if (mount.kind == Kind::kText) {
        texts.push_back(mount);
      }
    }
    return texts;
  }

  static Mount Text(const std::string& target) {
    return {.kind = Kind::kText,
            .source = "nameserver 127.0.0.1\n",
            .target = target,
            .read_only = true,
            .optional = true};
  }
};

TEST_F(SuppliedTest, StandsInThePlaceOfTheHostsFile) {
  EXPECT_THAT(Supplied(), ElementsAre(Text("/etc/resolv.conf")));
  // After what it stands on.
  const Plan plan = Build();
  const auto etc = std::ranges::find(plan.mounts, "/etc", &Mount::target);
  const auto text = std::ranges::find(plan.mounts, Kind::kText, &Mount::kind);
  EXPECT_LT(etc - plan.mounts.begin(), text - plan.mounts.begin());
  input_.visible = {"/"};
  EXPECT_THAT(Supplied(), ElementsAre(Text("/etc/resolv.conf")));
}

TEST_F(SuppliedTest, NotUnderWrap) {
  input_.mode = Mode::kWrap;
  EXPECT_THAT(Supplied(), IsEmpty());
}

TEST_F(SuppliedTest, NotWhereTheHostHasNoSuchFile) {
  host_.Remove("/etc/resolv.conf");
  EXPECT_THAT(Supplied(), IsEmpty());
  host_.Directory("/etc/resolv.conf");
  EXPECT_THAT(Supplied(), IsEmpty());
  host_.Remove("/etc/resolv.conf");
  host_.Symlink("/etc/resolv.conf", "../run/nowhere");
  EXPECT_THAT(Supplied(), IsEmpty());
  host_.Remove("/etc/resolv.conf");
  host_.Device("/etc/resolv.conf");
  EXPECT_THAT(Supplied(), IsEmpty());
}

TEST_F(SuppliedTest, StandsWhereALinkLeads) {
  input_.visible = {"/"};
  host_.Remove("/etc/resolv.conf");
  host_.File("/run/resolve/stub.conf").Symlink("/etc/resolv.conf", "../run/resolve/stub.conf");
  EXPECT_THAT(Supplied(), ElementsAre(Text("/run/resolve/stub.conf")));
  // Behind a mask, by its own name or a directory's, the mask stays.
  input_.hidden = {"/run/resolve/stub.conf"};
  EXPECT_THAT(Supplied(), IsEmpty());
  input_.hidden = {"/run"};
  EXPECT_THAT(Supplied(), IsEmpty());
  input_.hidden = {"/run/other"};
  EXPECT_THAT(Supplied(), ElementsAre(Text("/run/resolve/stub.conf")));
}

TEST_F(SuppliedTest, NotWhereItIsMasked) {
  input_.hidden = {"/etc/resolv.conf"};
  EXPECT_THAT(Supplied(), IsEmpty());
  input_.visible = {"/"};
  EXPECT_THAT(Supplied(), IsEmpty());
  input_.hidden = {"/etc"};
  EXPECT_THAT(Supplied(), IsEmpty());
  input_.hidden = {"/etc/shadow"};
  EXPECT_THAT(Supplied(), ElementsAre(Text("/etc/resolv.conf")));
  // Nor in Aegis' own directory.
  host_.Remove("/etc/resolv.conf");
  host_.File("/home/u/.aegis/x").Symlink("/etc/resolv.conf", "/home/u/.aegis/x");
  EXPECT_THAT(Supplied(), IsEmpty());
}

TEST_F(SuppliedTest, NotInAPrivateDirectory) {
  input_.private_dirs = {"/tmp"};
  host_.Remove("/etc/resolv.conf");
  host_.File("/tmp/resolv.conf").Symlink("/etc/resolv.conf", "../tmp/resolv.conf");
  EXPECT_THAT(Supplied(), IsEmpty());
  input_.private_dirs = {"/tmpfs"};
  EXPECT_THAT(Supplied(), ElementsAre(Text("/tmp/resolv.conf")));
}

TEST(Paths, AreComparedByComponents) {
  EXPECT_TRUE(IsWithin("/a/b", "/a"));
  EXPECT_TRUE(IsWithin("/a", "/a"));
  EXPECT_TRUE(IsWithin("/a", "/"));
  EXPECT_FALSE(IsWithin("/ab", "/a"));
  EXPECT_FALSE(IsWithin("/", "/a"));
  EXPECT_EQ(ParentOf("/a"), "/");
  EXPECT_EQ(ParentOf("/a/b"), "/a");
  EXPECT_EQ(DepthOf("/"), 0);
  EXPECT_EQ(DepthOf("/a/b"), 2);
  EXPECT_THAT(PrefixesOf("/a/b"), ElementsAre("/a", "/a/b"));
  EXPECT_THAT(PrefixesOf("/"), IsEmpty());
  EXPECT_THAT(OutermostOf({"/a/b", "/a", "/ab", "/a"}), ElementsAre("/a", "/ab"));
}

TEST_F(PlanTest, MasksWhatIsHiddenInProcWhereReadsAreTheKernels) {
  host_.File("/proc/kallsyms").Directory("/proc/acpi");
  input_.hidden = {"/proc/acpi", "/proc/kallsyms", "/proc/kpagecount"};
  const auto masks = [](const Plan& plan) {
    std::vector<std::string> lines;
    for (const Mount& mount : plan.proc_mounts) {
      if (mount.kind == Kind::kMaskDir || mount.kind == Kind::kMaskFile) {
        EXPECT_FALSE(mount.optional);
        lines.push_back(Line(mount));
      }
    }
    return lines;
  };
  EXPECT_THAT(masks(Build()), IsEmpty());
  input_.level = Level::kWrites;
  input_.native = {{.path = "/etc", .directory = true, .read = true}};
  const Plan plan = Build();
  EXPECT_THAT(masks(plan),
              ElementsAre("maskdir /proc/acpi", "maskfile /proc/kallsyms <- /dev/null"));
  EXPECT_EQ(plan.level, Level::kWrites);
  EXPECT_EQ(plan.native, input_.native);
  input_.native.front().path = "etc";
  EXPECT_FALSE(BuildPlan(input_, host_).has_value());
}

}  // namespace
}  // namespace aegis::sandbox
