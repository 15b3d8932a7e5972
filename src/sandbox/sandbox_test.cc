#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>   // rename
#include <stdlib.h>  // WIFEXITED
#include <string.h>  // strerrorname_np
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <ios>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/test_requirements.h"
#include "base/unique_fd.h"
#include "sandbox/init.h"
#include "sandbox/landlock.h"
#include "sandbox/mode.h"
#include "sandbox/plan.h"
#include "sandbox/test_sandbox.h"

namespace aegis::sandbox {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing_support::kOrdinaryUser;
using testing_support::Outcome;
using testing_support::ProcessesWith;
using testing_support::RunOptions;
using testing_support::RunSandbox;
using testing_support::Workshop;

// Every test runs as root, where the tests do, and as an ordinary user.
class Sandbox : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    REQUIRE_USERNS();
    REQUIRE_LANDLOCK(2);
    if (AsRoot()) {
      REQUIRE_ROOT();
    }
    project_ = workshop_.Directory("project");
    input_.visible = {"/usr", workshop_.path()};
    input_.executable = {workshop_.hostile()};
    input_.home = workshop_.Directory("home");
    input_.dir = project_;
    input_.aegis_home = workshop_.Directory("home/.aegis");
    input_.command.program = workshop_.hostile();
    input_.command.cwd = project_;
    input_.command.env = {"AEGIS_TEST=kept"};
    options_.user = AsRoot() ? 0 : kOrdinaryUser;
  }

  static bool AsRoot() { return GetParam(); }

  Outcome Run(const std::vector<std::string>& arguments) {
    input_.command.argv = {"hostile"};
    input_.command.argv.insert(input_.command.argv.end(), arguments.begin(), arguments.end());
    return RunSandbox(input_, options_);
  }

  // Runs and expects the command to have ended by itself with 0.
  Outcome RunWell(const std::vector<std::string>& arguments) {
    Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.status(), 0);
    return outcome;
  }

  void SeeEverything() {
    input_.visible = {"/"};
    input_.executable = {"/"};
  }

  Workshop workshop_;
  std::string project_;
  PlanInput input_;
  RunOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Users, Sandbox, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "root" : "ordinary"; });

TEST_P(Sandbox, HasNoPrivilegesToLoseOrGain) {
  const Outcome outcome = RunWell({"status"});
  const unsigned long kept = AsRoot() ? 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE |
                                            1UL << CAP_DAC_READ_SEARCH | 1UL << CAP_FOWNER |
                                            1UL << CAP_FSETID | 1UL << CAP_KILL
                                      : 0UL;
  EXPECT_THAT(outcome.said, Contains(Pair("effective", std::to_string(kept))));
  EXPECT_THAT(outcome.said, Contains(Pair("permitted", std::to_string(kept))));
  EXPECT_THAT(outcome.said, Contains(Pair("inheritable", "0")));
  EXPECT_THAT(outcome.said, Contains(Pair("bounding", std::to_string(kept))));
  EXPECT_THAT(outcome.said, Contains(Pair("no_new_privs", "1")));
  EXPECT_THAT(outcome.said, Contains(Pair("seccomp", "2")));
}

TEST_P(Sandbox, IsWhoItIsOutside) {
  const Outcome outcome = RunWell({"ids"});
  const std::string user = std::to_string(::geteuid() == 0 ? options_.user : ::geteuid());
  EXPECT_THAT(outcome.said, Contains(Pair("uid", user)));
  EXPECT_THAT(outcome.said, Contains(Pair("euid", user)));
  EXPECT_THAT(outcome.said, Contains(Pair("gid", user)));
  EXPECT_THAT(outcome.said, Contains(Pair("ppid", "1")));
  EXPECT_THAT(outcome.said, Contains(Pair("cwd", project_)));
  EXPECT_THAT(outcome.said, Contains(Pair("env", "kept")));
}

TEST_P(Sandbox, InheritsOnlyStandardDescriptors) {
  options_.prepare = [] { (void)::open("/etc", O_RDONLY | O_DIRECTORY); };  // NOLINT: inheritable
  EXPECT_THAT(RunWell({"descriptors"}).said, Contains(Pair("open", "0,1,2")));
}

TEST_P(Sandbox, HasNoRightOfItsOwnToChangeOrListFiles) {
  workshop_.File("project/victim", "precious");
  const Outcome outcome = RunWell({"files", project_});
  for (const char* attempt : {"create", "list", "mkdir", "symlink", "mkfifo", "read", "write",
                              "link", "rename", "unlink"}) {
    EXPECT_EQ(outcome.said.at(attempt), "EACCES") << attempt;
  }
  if (base::testing_support::LandlockAbi() >= 3) {
    EXPECT_EQ(outcome.said.at("truncate"), "EACCES");
  }
  EXPECT_EQ(outcome.said.at("opath"), "ok");
  std::ifstream victim(project_ + "/victim");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(victim), {}), "precious");
}

TEST_P(Sandbox, WrapLeavesRightsToTheAgent) {
  input_.mode = Mode::kWrap;
  workshop_.File("project/victim", "x");
  const Outcome outcome = RunWell({"files", project_});
  for (const char* attempt : {"create", "list", "mkdir", "symlink", "read", "write", "unlink"}) {
    EXPECT_EQ(outcome.said.at(attempt).substr(0, 2), attempt == std::string("unlink") ? "EN" : "ok")
        << attempt;  // the victim was renamed before
  }
}

TEST_P(Sandbox, ReadsOnlyWhatItMayExecute) {
  const std::string other = workshop_.File("project/other", "x");
  const Outcome outcome = RunWell({"read", workshop_.hostile(), other});
  EXPECT_EQ(outcome.said.at(workshop_.hostile()), "ok");
  EXPECT_EQ(outcome.said.at(other), "EACCES");
}

TEST_P(Sandbox, SeesOnlyWhatIsVisible) {
  workshop_.File("home/.netrc", "secret");
  workshop_.Directory("home/.ssh");
  input_.hidden = {input_.home + "/.netrc", input_.home + "/.ssh"};
  const Outcome outcome =
      RunWell({"stat", "/usr/bin", "/bin", "/etc", "/root", "/var", "/dev/null", "/dev/sda",
               "/dev/fd", "/dev/ptmx", "/dev/pts/0", "/proc/self", "/proc/1", "/sys/kernel",
               project_, input_.home + "/.netrc", input_.home + "/.ssh", input_.aegis_home});
  EXPECT_EQ(outcome.said.at("/usr/bin"), "directory");
  EXPECT_EQ(outcome.said.at("/bin"), "symlink");
  for (const char* hidden : {"/etc", "/root", "/var", "/dev/sda", "/dev/pts/0", "/sys/kernel"}) {
    EXPECT_EQ(outcome.said.at(hidden), "ENOENT") << hidden;
  }
  EXPECT_EQ(outcome.said.at("/dev/null"), "other");
  EXPECT_EQ(outcome.said.at("/dev/fd"), "symlink");
  EXPECT_EQ(outcome.said.at("/dev/ptmx"), "symlink");
  EXPECT_EQ(outcome.said.at("/proc/self"), "symlink");
  EXPECT_EQ(outcome.said.at("/proc/1"), "directory");
  EXPECT_EQ(outcome.said.at(project_), "directory");
  EXPECT_EQ(outcome.said.at(input_.home + "/.netrc"), "file-empty-000");
  EXPECT_EQ(outcome.said.at(input_.home + "/.ssh"), "directory");
}

TEST_P(Sandbox, SeesNoPseudoTerminalOfTheHost) {
  const int host = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(host, 0);
  const std::string name = ::ptsname(host);  // NOLINT(concurrency-mt-unsafe): one thread
  ASSERT_EQ(::access(name.c_str(), F_OK), 0) << "it is there outside";
  EXPECT_EQ(RunWell({"stat", name}).said.at(name), "ENOENT");
  // But for the one that it runs on.
  input_.terminal = name;
  const Outcome outcome = RunWell({"stat", name, "/dev/console"});
  EXPECT_EQ(outcome.said.at(name), "ENOENT");
  EXPECT_EQ(outcome.said.at("/dev/console").substr(0, 5), "other");
  ::close(host);
}

TEST_P(Sandbox, KernelInterfacesAreReadOnly) {
  input_.visible.emplace_back("/sys/kernel");
  EXPECT_THAT(RunWell({"readonly", "/", "/proc/sys", "/sys/kernel"}).said,
              ::testing::Each(Pair(::testing::_, "read-only")));
  SeeEverything();
  const Outcome whole = RunWell({"readonly", "/proc/sys", "/proc/irq", "/sys", "/tmp"});
  EXPECT_EQ(whole.said.at("/proc/sys"), "read-only");
  EXPECT_EQ(whole.said.at("/proc/irq"), "read-only");
  EXPECT_EQ(whole.said.at("/sys"), "read-only");
  EXPECT_EQ(whole.said.at("/tmp"), "writable");
}

TEST_P(Sandbox, BindsNothingThroughALinkThatAppeared) {
  workshop_.Directory("project/data");
  const std::string elsewhere = workshop_.Directory("elsewhere");
  workshop_.File("elsewhere/secret", "x");
  input_.visible = {workshop_.hostile(), project_ + "/data"};
  const std::string data = project_ + "/data";
  options_.before_supervisor = [&] {
    ASSERT_EQ(::rename(data.c_str(), (data + ".old").c_str()), 0);
    ASSERT_EQ(::symlink(elsewhere.c_str(), data.c_str()), 0);
  };
  const Outcome outcome = Run({"stat", data + "/secret"});
  EXPECT_THAT(outcome.error, HasSubstr("data"));
  EXPECT_TRUE(outcome.said.empty());
}

TEST_P(Sandbox, LeavesOutWhatVanished) {
  const std::string data = workshop_.Directory("project/data");
  input_.visible = {workshop_.hostile(), data};
  options_.before_supervisor = [&] { ASSERT_EQ(::rmdir(data.c_str()), 0); };
  EXPECT_EQ(RunWell({"stat", data}).said.at(data), "directory") << "an empty one of ours";
}

TEST_P(Sandbox, MasksInTheWholeRoot) {
  SeeEverything();
  workshop_.File("home/.netrc", "secret");
  workshop_.File("home/.ssh-marker", "not secret");
  workshop_.Directory("home/.ssh");
  workshop_.File("home/.ssh/id", "secret");
  workshop_.File("home/.aegis/ledger", "x");
  input_.hidden = {input_.home + "/.netrc", input_.home + "/.ssh"};
  for (const auto mode : {Mode::kRun, Mode::kWrap}) {
    input_.mode = mode;
    const Outcome outcome =
        RunWell({"stat", "/etc", input_.home + "/.netrc", input_.home + "/.ssh/id",
                 input_.home + "/.ssh-marker", input_.aegis_home + "/ledger"});
    const bool run = mode == Mode::kRun;
    EXPECT_EQ(outcome.said.at("/etc"), "directory");
    EXPECT_EQ(outcome.said.at(input_.home + "/.netrc"), run ? "file-empty-000" : "file");
    EXPECT_EQ(outcome.said.at(input_.home + "/.ssh/id"), run ? "ENOENT" : "file");
    EXPECT_EQ(outcome.said.at(input_.home + "/.ssh-marker"), "file");
    EXPECT_EQ(outcome.said.at(input_.aegis_home + "/ledger"), "ENOENT");
  }
}

TEST_P(Sandbox, PrivateDirectoriesAreFreshButForTheProject) {
  workshop_.File("beside", "x");
  workshop_.File("project/inside", "x");
  input_.visible = {"/tmp", "/usr"};
  input_.private_dirs = {"/tmp", "/var/tmp"};
  input_.command.program = workshop_.File("project/hostile", "");
  std::ifstream original(workshop_.hostile(), std::ios::binary);
  std::ofstream(input_.command.program, std::ios::binary) << original.rdbuf();
  ASSERT_EQ(::chmod(input_.command.program.c_str(), 0755), 0);
  input_.executable = {input_.command.program};
  for (const bool whole : {false, true}) {
    if (whole) {
      SeeEverything();
    }
    const Outcome outcome =
        RunWell({"stat", workshop_.path() + "/beside", project_ + "/inside", "/var/tmp"});
    EXPECT_EQ(outcome.said.at(workshop_.path() + "/beside"), "ENOENT");
    EXPECT_EQ(outcome.said.at(project_ + "/inside"), "file");
    EXPECT_EQ(outcome.said.at("/var/tmp"), "directory");
  }
}

TEST_P(Sandbox, CannotReachItsInitOrItsWatchers) {
  const Outcome outcome = RunWell({"signals"});
  if (base::testing_support::LandlockAbi() >= 6) {
    EXPECT_EQ(outcome.said.at("kill-init-15"), "EPERM");
    EXPECT_EQ(outcome.said.at("kill-init-9"), "EPERM");
  }
  EXPECT_EQ(outcome.said.at("ptrace-init"), "EPERM");
  EXPECT_NE(outcome.said.at("parent-memory"), "ok");
  EXPECT_EQ(outcome.said.at("pidfd_getfd"), "EPERM");
  EXPECT_EQ(outcome.said.at("alive"), "yes");
}

TEST_P(Sandbox, ASignalToItsGroupStaysInside) {
  REQUIRE_LANDLOCK(6);
  for (const auto mode : {Mode::kRun, Mode::kWrap}) {
    input_.mode = mode;
    // The launcher leads the group and would die of SIGTERM.
    EXPECT_EQ(RunWell({"group"}).said.at("alive"), "yes");
  }
}

TEST_P(Sandbox, CannotMakeNamespacesOrMounts) {
  const Outcome outcome = RunWell({"namespaces"});
  for (const char* attempt : {"clone-user", "unshare-user", "unshare-mount", "mount", "umount",
                              "chroot", "bpf", "keyctl", "userfaultfd", "open_by_handle_at"}) {
    EXPECT_EQ(outcome.said.at(attempt), "EPERM") << attempt;
  }
  EXPECT_EQ(outcome.said.at("clone3"), "ENOSYS");
  EXPECT_EQ(outcome.said.at("io_uring"), "ENOSYS");
  EXPECT_EQ(outcome.said.at("memfd"), "ok");
}

TEST_P(Sandbox, CannotSpeakOtherAbis) {
  const Outcome outcome = RunWell({"abis"});
  EXPECT_EQ(outcome.said.at("int80"), "SIGSYS");
  EXPECT_EQ(outcome.said.at("x32"), "ENOSYS");
  EXPECT_EQ(outcome.said.at("unknown"), "ENOSYS");
}

TEST_P(Sandbox, CannotTypeIntoTheTerminal) {
  const Outcome outcome = RunWell({"terminal"});
  EXPECT_EQ(outcome.said.at("tiocsti"), "EPERM");
  EXPECT_EQ(outcome.said.at("tiocsti-high"), "EPERM");
  EXPECT_EQ(outcome.said.at("tioclinux"), "EPERM");
}

TEST_P(Sandbox, CannotReachAbstractSocketsOutside) {
  const std::string name = "aegis-test-" + std::to_string(::getpid());
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(name, address.sun_path + 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  const Outcome run = RunWell({"network", name});
  EXPECT_NE(run.said.at("abstract"), "ok");
  EXPECT_NE(run.said.at("packet"), "ok");
  // The twin: wrap keeps the host's.
  input_.mode = Mode::kWrap;
  EXPECT_EQ(RunWell({"network", name}).said.at("abstract"), "ok");
  ::close(listener);
}

TEST_P(Sandbox, HasALoopbackOfItsOwn) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string port = std::to_string(::ntohs(address.sin_port));
  EXPECT_NE(RunWell({"tcp", port}).said.at("tcp"), "ok");
  // The twin: wrap keeps the host's.
  input_.mode = Mode::kWrap;
  EXPECT_EQ(RunWell({"tcp", port}).said.at("tcp"), "ok");
  ::close(listener);
}

TEST_P(Sandbox, SeesNoProcessOutside) {
  for (const auto mode : {Mode::kRun, Mode::kWrap}) {
    input_.mode = mode;
    const Outcome outcome = RunWell({"pids", std::to_string(::getpid())});
    EXPECT_EQ(outcome.said.at("signal"), "ESRCH");
    EXPECT_EQ(outcome.said.at("proc"), "ENOENT");
  }
}

// Of what the agent's tree does not show, the supervisor holds the names alone, by a descriptor of
// the host's root that it has for them.
TEST_P(Sandbox, TheConfinedSupervisorReachesNoFileOutsideTheTree) {
  const std::string inside = workshop_.File("project/inside", "x");
  workshop_.Directory("elsewhere");
  const std::string outside = workshop_.File("elsewhere/outside", "x");
  const base::UniqueFd host(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto try_to = [&](std::map<std::string, std::string>& said) {
    const auto result = [](int value) { return value >= 0 ? "ok" : ::strerrorname_np(errno); };
    const std::string name = outside.substr(1);
    said["name"] = result(::openat(host.get(), name.c_str(), O_PATH | O_CLOEXEC));
    said["read"] = result(::openat(host.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
    said["unlink"] = result(::unlinkat(host.get(), name.c_str(), 0));
    said["write-inside"] = result(::open(inside.c_str(), O_WRONLY | O_CLOEXEC));
    said["signal"] = result(::kill(::getppid(), 0));
  };
  options_.in_supervisor = [&] {
    std::map<std::string, std::string> said;
    try_to(said);
    return said;
  };
  options_.confined = true;
  Outcome outcome = RunWell({"ids"});
  EXPECT_EQ(outcome.said.at("name"), "ok");
  EXPECT_EQ(outcome.said.at("read"), "EACCES");
  EXPECT_EQ(outcome.said.at("unlink"), "EACCES");
  EXPECT_EQ(outcome.said.at("write-inside"), "ok");
  EXPECT_EQ(outcome.said.at("signal"), LandlockAbi() >= 6 ? "EPERM" : "ok");
  options_.confined = false;
  outcome = RunWell({"ids"});
  EXPECT_EQ(outcome.said.at("read"), "ok");
  EXPECT_EQ(outcome.said.at("unlink"), "ok");
  EXPECT_EQ(outcome.said.at("signal"), "ok");
}

// What the supervisor may do to files is what the user may do outside.
TEST_P(Sandbox, TheSupervisorHasTheUsersRightsToFiles) {
  const std::string read_only = workshop_.File("project/read-only", "x");
  const std::string own = workshop_.File("project/own", "x");
  const uid_t user = AsRoot() ? 0 : kOrdinaryUser;
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(read_only.c_str(), user, user), 0);
    ASSERT_EQ(::chown(own.c_str(), user, user), 0);
  }
  ASSERT_EQ(::chmod(read_only.c_str(), 0400), 0);
  options_.in_supervisor = [&] {
    const auto result = [](int value) { return value >= 0 ? "ok" : ::strerrorname_np(errno); };
    std::map<std::string, std::string> said;
    said["write-read-only"] = result(::open(read_only.c_str(), O_WRONLY | O_CLOEXEC));
    said["write-own"] = result(::open(own.c_str(), O_WRONLY | O_CLOEXEC));
    said["shadow"] = result(::open("/etc/shadow", O_RDONLY | O_CLOEXEC));
    said["give-away"] = result(::chown(own.c_str(), 77, 77));
    said["take-ids"] = result(::setuid(78));
    said["mount"] = result(::mount("none", "/tmp", "tmpfs", 0, nullptr));
    said["dumpable"] = std::to_string(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    said["no-new-privs"] = std::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return said;
  };
  SeeEverything();
  const Outcome outcome = RunWell({"ids"});
  EXPECT_EQ(outcome.said.at("write-own"), "ok");
  EXPECT_EQ(outcome.said.at("write-read-only"), AsRoot() ? "ok" : "EACCES");
  EXPECT_EQ(outcome.said.at("shadow"), AsRoot() ? "ok" : "EACCES");
  EXPECT_EQ(outcome.said.at("give-away"), AsRoot() ? "ok" : "EINVAL");  // not mapped
  EXPECT_NE(outcome.said.at("take-ids"), "ok");
  EXPECT_EQ(outcome.said.at("mount"), "EPERM");
  EXPECT_EQ(outcome.said.at("dumpable"), "0");
  EXPECT_EQ(outcome.said.at("no-new-privs"), "1");
}

TEST_P(Sandbox, ReportsHowTheCommandEnded) {
  Outcome outcome = Run({"exit", "7"});
  ASSERT_EQ(outcome.error, "");
  EXPECT_TRUE(WIFEXITED(outcome.status()) && WEXITSTATUS(outcome.status()) == 7);
  outcome = Run({"exit", "signal"});
  EXPECT_TRUE(WIFSIGNALED(outcome.status()) && WTERMSIG(outcome.status()) == SIGUSR1);
}

TEST_P(Sandbox, ReportsStopsAndTakesSignals) {
  options_.on_event = [](const Event& event, const RunOptions::Handles& handles) {
    if (event.kind == Event::Kind::kStopped) {
      const Request request{Request::Kind::kSignal, SIGCONT};
      (void)::send(handles.control, &request, sizeof request, 0);
    }
  };
  const Outcome outcome = RunWell({"stop"});
  ASSERT_GE(outcome.events.size(), 2U);
  EXPECT_EQ(outcome.events[0].kind, Event::Kind::kStopped);
  EXPECT_EQ(outcome.events[0].value, SIGSTOP);
  EXPECT_EQ(outcome.said.at("continued"), "yes");
}

TEST_P(Sandbox, TheTerminalsInterruptReachesTheCommand) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(master, 0);
  ASSERT_EQ(::grantpt(master), 0);
  ASSERT_EQ(::unlockpt(master), 0);
  const std::string name = ::ptsname(master);  // NOLINT(concurrency-mt-unsafe): one thread
  options_.terminal = ::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  input_.terminal = name;
  // Launcher and supervisor are in the job too, and stay alive.
  options_.prepare = [] { (void)::signal(SIGINT, [](int) {}); };
  options_.on_line = [&](const std::string& line, const RunOptions::Handles& /*handles*/) {
    if (line == "waiting on-terminal") {
      ASSERT_EQ(::write(master, "\x03", 1), 1);
    }
  };
  const Outcome outcome = Run({"wait"});
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(WIFSIGNALED(outcome.status()) && WTERMSIG(outcome.status()) == SIGINT);
  ::close(options_.terminal);
  ::close(master);
}

TEST_P(Sandbox, GivesTheCommandItsSignalsBack) {
  options_.prepare = [] {
    (void)::signal(SIGUSR1, SIG_IGN);
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGUSR2);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  };
  const Outcome outcome = RunWell({"signal-state"});
  EXPECT_EQ(outcome.said.at("blocked-usr2"), "yes");
  EXPECT_EQ(outcome.said.at("blocked-term"), "no");
  EXPECT_EQ(outcome.said.at("ignored-usr1"), "yes");
  EXPECT_EQ(outcome.said.at("default-chld"), "yes");
}

TEST_P(Sandbox, SaysWhyACommandDidNotExecute) {
  input_.command.program = project_ + "/nothing";
  Outcome outcome = Run({});
  ASSERT_EQ(outcome.events.size(), 2U);
  EXPECT_EQ(outcome.events[0].kind, Event::Kind::kExecFailed);
  EXPECT_EQ(outcome.events[0].value, ENOENT);
  EXPECT_EQ(WEXITSTATUS(outcome.status()), 127);

  input_.command.program = "/usr/bin/true";  // visible, not executable by the policy
  outcome = Run({});
  ASSERT_EQ(outcome.events.size(), 2U);
  EXPECT_EQ(outcome.events[0].value, EACCES);
  EXPECT_EQ(WEXITSTATUS(outcome.status()), 126);
}

TEST_P(Sandbox, NamesTheStepThatFailed) {
  input_.command.cwd = input_.aegis_home + "/default";
  const Outcome outcome = Run({"ids"});
  EXPECT_THAT(outcome.error, HasSubstr("working directory"));
  EXPECT_EQ(outcome.said.count("uid"), 0U);
}

// Every process with the tag dies within moments.
void ExpectAllDead(std::string_view tag) {
  for (int i = 0; i < 200 && !ProcessesWith(tag).empty(); ++i) {
    (void)::poll(nullptr, 0, 10);
  }
  EXPECT_TRUE(ProcessesWith(tag).empty());
}

TEST_P(Sandbox, DiesWithItsLauncher) {
  const std::string tag = "tag-" + workshop_.path();
  options_.on_line = [](const std::string& line, const RunOptions::Handles& handles) {
    if (line == "daemon started") {
      ::kill(handles.supervisor, SIGKILL);  // the launcher, in this callback
    }
  };
  (void)Run({"daemon", tag});
  ExpectAllDead(tag);
}

TEST_P(Sandbox, DiesWithItsSupervisor) {
  const std::string tag = "tag-" + workshop_.path();
  int found = 0;
  options_.on_line = [&](const std::string& line, const RunOptions::Handles& handles) {
    if (line != "daemon started") {
      return;
    }
    for (int i = 0; i < 200 && found < 2; ++i) {
      (void)::poll(nullptr, 0, i == 0 ? 0 : 10);
      found = static_cast<int>(ProcessesWith(tag).size());
    }
    std::ifstream children("/proc/" + std::to_string(handles.supervisor) + "/task/" +
                           std::to_string(handles.supervisor) + "/children");
    for (pid_t child = 0; children >> child;) {
      ::kill(child, SIGKILL);
    }
  };
  (void)Run({"daemon", tag});
  EXPECT_GE(found, 2) << "the daemon and its starter ran";
  ExpectAllDead(tag);
}

TEST_P(Sandbox, NothingOutlivesTheCommand) {
  const std::string tag = "tag-" + workshop_.path();
  options_.on_line = [&](const std::string& line, const RunOptions::Handles& /*handles*/) {
    if (line == "daemon started") {
      // The command alone, the third process in there: after init, and the one that started it.
      for (const pid_t pid : ProcessesWith(tag)) {
        std::ifstream status("/proc/" + std::to_string(pid) + "/status");
        const std::string text{std::istreambuf_iterator<char>(status), {}};
        if (text.find("NSpid:\t" + std::to_string(pid) + "\t3\n") != std::string::npos) {
          ::kill(pid, SIGKILL);
        }
      }
    }
  };
  const Outcome outcome = Run({"daemon", tag});
  EXPECT_TRUE(WIFSIGNALED(outcome.status()) && WTERMSIG(outcome.status()) == SIGKILL);
  ExpectAllDead(tag);
}

}  // namespace
}  // namespace aegis::sandbox
