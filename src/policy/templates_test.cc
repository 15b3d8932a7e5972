#include "policy/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"
#include "policy/test_policies.h"

namespace aegis::policy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr Action kEvery[] = {Action::kFileRead,  Action::kFileWrite,    Action::kFileDelete,
                             Action::kDirCreate, Action::kDirList,      Action::kNetConnect,
                             Action::kToolCall,  Action::kProcessSpawn, Action::kProcessExit};

// Some resource that an action can have.
std::string_view SomeResource(Action action) {
  return action == Action::kNetConnect || action == Action::kToolCall ? "example.com:443"
                                                                      : "/srv/data/file";
}

TEST(TemplatesTest, NamesAreKnownAndOthersAreNot) {
  EXPECT_THAT(TemplateNames(),
              ElementsAre("default-deny", "allow-read-only", "permit-all", "project",
                          "net-anthropic", "net-git", "net-openai", "net-registries"));
  const auto unknown = TemplateText("nonsense");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code(), base::Errc::kNotFound);
  EXPECT_THAT(unknown.error().message(), testing::HasSubstr("allow-read-only"));
}

TEST(TemplatesTest, EveryPolicyHasAnId) {
  for (const std::string_view name : TemplateNames()) {
    const PolicySet set = LoadTemplate(name);
    EXPECT_THAT(set.policies(), Not(IsEmpty()));
    for (const PolicySet::Info& info : set.policies()) {
      EXPECT_THAT(info.id, Not(testing::StartsWith("default:"))) << info.file;
      EXPECT_THAT(info.id, Not(testing::StartsWith("programs:")));
      EXPECT_EQ(info.forbid, !info.reason.empty()) << info.id;
    }
  }
}

TEST(TemplatesTest, DefaultDenyForbidsEverything) {
  const PolicySet set = LoadTemplate("default-deny");
  for (const Action action : kEvery) {
    const Verdict verdict = Ask(set, action, SomeResource(action));
    EXPECT_EQ(verdict.outcome, Outcome::kForbid);
    EXPECT_THAT(verdict.policies, ElementsAre("default-deny"));
  }
  EXPECT_THAT(set.bound().visible, IsEmpty());
  EXPECT_THAT(set.bound().executable, IsEmpty());
}

TEST(TemplatesTest, PermitAllPermitsEverything) {
  const PolicySet set = LoadTemplate("permit-all");
  for (const Action action : kEvery) {
    EXPECT_EQ(Ask(set, action, SomeResource(action)).outcome, Outcome::kPermit);
  }
  EXPECT_THAT(set.bound().visible, ElementsAre("/"));
  EXPECT_THAT(set.bound().hidden, IsEmpty());
}

TEST(TemplatesTest, AllowReadOnlyReadsAndRunsButChangesNothing) {
  const PolicySet set = LoadTemplate("allow-read-only");
  for (const Action action :
       {Action::kFileRead, Action::kDirList, Action::kProcessSpawn, Action::kProcessExit}) {
    EXPECT_EQ(Ask(set, action, "/srv/data/file").outcome, Outcome::kPermit);
  }
  for (const Action action : {Action::kFileWrite, Action::kFileDelete, Action::kDirCreate,
                              Action::kNetConnect, Action::kToolCall}) {
    EXPECT_EQ(Ask(set, action, SomeResource(action)).outcome, Outcome::kNoPermit);
  }
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/dev/null").outcome, Outcome::kPermit);
}

TEST(TemplatesTest, AdditionsPermitNamedHostsOnPortsAndNothingElse) {
  for (const std::string_view name : TemplateNames()) {
    if (!IsAddition(name)) {
      continue;
    }
    const PolicySet set =
        MustLoad({{.file = "net.cedar", .text = std::string(TemplateText(name).value())}});
    for (const PolicySet::Info& info : set.policies()) {
      EXPECT_FALSE(info.forbid);
      EXPECT_EQ(info.actions, 1U << static_cast<unsigned>(Action::kNetConnect)) << info.id;
      EXPECT_TRUE(info.bounded && info.total) << info.id;
      for (const PolicySet::Place& place : info.places) {
        EXPECT_TRUE(place.name.ends_with(":443") || place.name.ends_with(":22")) << place.name;
        EXPECT_FALSE(place.name.starts_with('*')) << place.name;
        EXPECT_EQ(info.opaque, place.name.ends_with(":22")) << place.name << ": only SSH is opaque";
      }
    }
  }
}

TEST(TemplatesTest, ProgramsAloneLetNothingRunAndNothingElseBeRead) {
  const PolicySet set =
      MustLoad({{.file = "programs.cedar", .text = std::string(ProgramsText().value())}});
  EXPECT_EQ(Ask(set, Action::kFileRead, "/usr/lib/x86_64-linux-gnu/libc.so.6").outcome,
            Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/usr/share/zoneinfo/UTC").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/dev/pts/3").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/proc/self/task/12/comm").outcome, Outcome::kPermit);
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/proc/self/task/12/mem").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kFileWrite, "/dev/sda").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/usr/bin/env").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/etc/shadow").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kFileRead, "/home/u/x").outcome, Outcome::kNoPermit);
  EXPECT_EQ(Ask(set, Action::kProcessSpawn, "/usr/lib/ld.so").outcome, Outcome::kNoPermit);
  EXPECT_THAT(set.bound().executable, IsEmpty());
  EXPECT_THAT(set.bound().visible, Contains("/usr/lib"));
  EXPECT_THAT(set.bound().visible, Not(Contains("/")));
}

// ---- project: one row per promise of the README, each denial beside an allowed twin.

struct Row {
  Action action;
  std::string_view resource;
  Outcome outcome;
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << ActionName(row.action) << ' ' << row.resource;
}

class ProjectTest : public testing::TestWithParam<Row> {};

TEST_P(ProjectTest, Decides) {
  static const PolicySet kProject = LoadTemplate("project");
  const Row& row = GetParam();
  const Verdict verdict = Ask(kProject, row.action, row.resource);
  EXPECT_EQ(verdict.outcome, row.outcome)
      << row << " by " << testing::PrintToString(verdict.policies) << ' ' << verdict.detail;
}

constexpr auto kYes = Outcome::kPermit;
constexpr auto kNo = Outcome::kNoPermit;
constexpr auto kForbidden = Outcome::kForbid;
constexpr auto kRead = Action::kFileRead;
constexpr auto kWrite = Action::kFileWrite;
constexpr auto kDelete = Action::kFileDelete;
constexpr auto kMake = Action::kDirCreate;
constexpr auto kList = Action::kDirList;
constexpr auto kRun = Action::kProcessSpawn;

INSTANTIATE_TEST_SUITE_P(
    System, ProjectTest,
    testing::Values(
        Row{kRead, "/usr/include/stdio.h", kYes}, Row{kList, "/usr/bin", kYes},
        Row{kRead, "/opt/tool/lib.so", kYes}, Row{kRead, "/etc/gitconfig", kYes},
        Row{kRead, "/etc/passwd", kYes}, Row{kRead, "/etc/shadow", kForbidden},
        Row{kRead, "/etc/gshadow", kForbidden}, Row{kRead, "/etc/sudoers.d/admin", kForbidden},
        Row{kRead, "/etc/ssl/certs/ca.pem", kYes},
        Row{kRead, "/etc/ssl/private/key.pem", kForbidden}, Row{kRead, "/etc/ssh/ssh_config", kYes},
        Row{kRead, "/etc/ssh/ssh_host_ed25519_key", kForbidden},
        Row{kRead, "/etc/ssh/ssh_host_ed25519_key.pub", kYes}, Row{kWrite, "/etc/hosts", kNo},
        Row{kWrite, "/usr/bin/ls", kNo}, Row{kDelete, "/usr/bin/ls", kNo},
        Row{kRun, "/usr/bin/ls", kYes}, Row{kRun, "/etc/init.d/x", kNo}, Row{kList, "/", kYes},
        Row{kRead, "/x", kNo}, Row{kRead, "/var/lib/dpkg/status", kYes},
        Row{kRead, "/var/log/auth.log", kNo}, Row{kRead, "/root/x", kNo},
        Row{kRead, "/home/other/x", kNo}, Row{kList, "/home", kNo},
        Row{kRead, "/boot/vmlinuz", kNo}, Row{kRead, "/run/systemd/resolve/stub-resolv.conf", kYes},
        Row{kRead, "/run/user/1000/bus", kNo}));

INSTANTIATE_TEST_SUITE_P(
    Kernel, ProjectTest,
    testing::Values(
        Row{kRead, "/proc/self/maps", kYes}, Row{kRead, "/proc/cpuinfo", kYes},
        Row{kList, "/proc", kYes}, Row{kRead, "/proc/42/stat", kYes},
        Row{kRead, "/proc/sys/kernel/pid_max", kYes}, Row{kWrite, "/proc/sys/kernel/pid_max", kNo},
        Row{kRead, "/proc/kcore", kForbidden}, Row{kRead, "/proc/kmsg", kForbidden},
        Row{kWrite, "/proc/sysrq-trigger", kForbidden},
        Row{kWrite, "/proc/self/oom_score_adj", kYes}, Row{kWrite, "/proc/self/mem", kNo},
        Row{kRead, "/sys/devices/system/cpu/online", kYes},
        Row{kRead, "/sys/fs/cgroup/memory.max", kYes},
        Row{kWrite, "/sys/fs/cgroup/memory.max", kNo},
        Row{kRead, "/sys/firmware/efi/efivars/x", kNo}, Row{kRead, "/dev/urandom", kYes},
        Row{kWrite, "/dev/null", kYes}, Row{kWrite, "/dev/tty", kYes}, Row{kRead, "/dev/sda", kNo},
        Row{kWrite, "/dev/kmsg", kNo}));

INSTANTIATE_TEST_SUITE_P(
    Home, ProjectTest,
    testing::Values(
        Row{kRead, "/home/u/.gitconfig", kYes}, Row{kList, "/home/u", kYes},
        Row{kRead, "/home/u/.cache/pip/x", kYes}, Row{kRead, "/home/u/other/notes", kYes},
        Row{kWrite, "/home/u/other/notes", kNo}, Row{kWrite, "/home/u/.bashrc", kForbidden},
        Row{kRead, "/home/u/.bashrc", kYes}, Row{kRead, "/home/u/.ssh/id_rsa", kForbidden},
        Row{kList, "/home/u/.ssh", kForbidden}, Row{kRead, "/home/u/.sshx", kYes},
        Row{kRead, "/home/u/.aws/credentials", kForbidden},
        Row{kRead, "/home/u/.gnupg/pubring.kbx", kForbidden},
        Row{kRead, "/home/u/.netrc", kForbidden}, Row{kRead, "/home/u/.npmrc", kForbidden},
        Row{kRead, "/home/u/.docker/config.json", kForbidden},
        Row{kRead, "/home/u/.docker/machine", kYes},
        Row{kRead, "/home/u/.config/gh/hosts.yml", kForbidden},
        Row{kRead, "/home/u/.config/ghostty/config", kYes},
        Row{kRead, "/home/u/.config/gcloud/x.db", kForbidden},
        Row{kRead, "/home/u/.cargo/credentials.toml", kForbidden},
        Row{kRead, "/home/u/.cargo/registry/index", kYes},
        Row{kRead, "/home/u/.git-credentials", kForbidden},
        Row{kRead, "/home/u/.mozilla/firefox/x/logins.json", kForbidden},
        Row{kRead, "/home/u/.config/google-chrome/Default/Cookies", kForbidden},
        Row{kRead, "/home/u/.bash_history", kForbidden},
        Row{kRead, "/home/u/.zsh_history", kForbidden},
        Row{kRead, "/home/u/.local/share/fish/fish_history", kForbidden},
        Row{kRead, "/home/u/.claude/.credentials.json", kForbidden},
        Row{kRead, "/home/u/.claude/settings.json", kYes},
        Row{kRead, "/home/u/.codex/auth.json", kForbidden},
        Row{kRun, "/home/u/.cargo/bin/cargo", kYes}, Row{kRun, "/home/u/.local/bin/x", kYes},
        Row{kWrite, "/home/u/.local/bin/x", kForbidden}, Row{kRun, "/home/u/Downloads/x", kNo}));

INSTANTIATE_TEST_SUITE_P(
    Project, ProjectTest,
    testing::Values(
        Row{kRead, "/home/u/app/src/main.c", kYes}, Row{kWrite, "/home/u/app/src/main.c", kYes},
        Row{kWrite, "/home/u/app", kYes}, Row{kMake, "/home/u/app/build", kYes},
        Row{kDelete, "/home/u/app/build/x.o", kYes}, Row{kList, "/home/u/app", kYes},
        Row{kRun, "/home/u/app/build/app", kYes}, Row{kWrite, "/home/u/app2/x", kNo},
        Row{kRead, "/home/u/app/.env", kForbidden}, Row{kWrite, "/home/u/app/.env", kForbidden},
        Row{kRead, "/home/u/app/sub/.env.local", kForbidden},
        Row{kRead, "/home/u/app/.env.example", kYes}, Row{kWrite, "/home/u/app/.env.sample", kYes},
        Row{kRead, "/home/u/app/.envrc", kYes}, Row{kRead, "/home/u/app/x.env", kYes},
        Row{kRead, "/home/u/app/.git/config", kYes}, Row{kWrite, "/home/u/app/.git/index", kYes},
        Row{kRead, "/home/u/app/.npmrc", kYes}, Row{kWrite, "/tmp/x", kYes},
        Row{kMake, "/var/tmp/x", kYes}, Row{kDelete, "/dev/shm/x", kYes},
        Row{kRead, "/tmp/x", kYes}, Row{kRun, "/tmp/x", kNo}, Row{kWrite, "/srv/x", kNo},
        Row{kMake, "/srv", kNo}, Row{Action::kNetConnect, "example.com:443", kNo},
        Row{Action::kToolCall, "some-tool", kNo}, Row{Action::kProcessExit, "/usr/bin/ls", kYes}));

TEST(ProjectBoundTest, HidesSecretsAndShowsOnlyWhatMayBeTouched) {
  const PolicySet::Bound bound = LoadTemplate("project").bound();
  EXPECT_THAT(bound.visible, Contains("/usr"));
  EXPECT_THAT(bound.visible, Contains("/home/u"));
  EXPECT_THAT(bound.visible, Contains("/tmp"));
  EXPECT_THAT(bound.visible, Not(Contains("/")));
  EXPECT_THAT(bound.visible, Not(Contains("/home")));
  EXPECT_THAT(bound.visible, Not(Contains("/home/u/app")));  // lies in the home directory
  EXPECT_THAT(bound.executable, Contains("/usr"));
  EXPECT_THAT(bound.executable, Contains("/home/u/app"));
  EXPECT_THAT(bound.executable, Not(Contains("/home/u")));
  EXPECT_THAT(bound.executable, Not(Contains("/tmp")));
  EXPECT_THAT(bound.hidden, Contains("/home/u/.ssh"));
  EXPECT_THAT(bound.hidden, Contains("/etc/shadow"));
  EXPECT_THAT(bound.hidden, Not(Contains("/home/u/.bashrc")));  // readable
}

TEST(ProjectBoundTest, NothingReadsPathsOrContextSoThatDirectoriesShareDecisions) {
  const PolicySet set = LoadTemplate("project");
  for (const Action action : kEvery) {
    EXPECT_FALSE(set.reads(action).path) << ActionName(action);
    EXPECT_FALSE(set.reads(action).pid || set.reads(action).exe || set.reads(action).argv);
  }
  EXPECT_EQ(set.ClassOf("/home/u/app/a.c"), set.ClassOf("/home/u/app/sub/b.c"));
  EXPECT_NE(set.ClassOf("/home/u/app/a.c"), set.ClassOf("/home/u/app/.env"));
}

TEST(ProjectBoundTest, TheHomeDirectoryAsProjectStillProtectsWhatRunsOutside) {
  const PolicySet set =
      LoadTemplate("project", {.agent = "a", .home = "/home/u", .dir = "/home/u"});
  EXPECT_EQ(Ask(set, kWrite, "/home/u/notes").outcome, kYes);
  EXPECT_EQ(Ask(set, kWrite, "/home/u/.bashrc").outcome, kForbidden);
  EXPECT_EQ(Ask(set, kDelete, "/home/u/.cargo/bin/cargo").outcome, kForbidden);
  EXPECT_EQ(Ask(set, kRead, "/home/u/.ssh/id").outcome, kForbidden);
}

// Loading takes built-in texts as validated; here one more byte makes them ordinary ones.
TEST(Templates, PassStrictValidation) {
  std::vector<std::string> texts{std::string(ProgramsText().value())};
  for (const std::string_view name : TemplateNames()) {
    texts.emplace_back(TemplateText(name).value());
  }
  for (const std::string& text : texts) {
    EXPECT_TRUE(IsBuiltInText(text));
    EXPECT_FALSE(IsBuiltInText(text + "\n"));
    const auto set = PolicySet::Load({{.file = "template.cedar", .text = text + "\n"}},
                                     {.agent = "a", .home = "/home/u", .dir = "/home/u/p"});
    EXPECT_TRUE(set.has_value()) << set.error().message();
  }
}

}  // namespace
}  // namespace aegis::policy
