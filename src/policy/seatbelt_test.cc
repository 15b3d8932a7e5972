#include "policy/seatbelt.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "policy/policy.h"
#include "policy/seatbelt_evaluator.h"
#include "policy/seatbelt_filter.h"
#include "policy/test_policies.h"

namespace aegis::policy {
namespace {

using seatbelt::Profile;

constexpr std::string_view kSpawn =
    R"(permit(principal, action == Aegis::Action::"ProcessSpawn", resource in Aegis::Resource::"/bin");)";

SeatbeltProfile Compile(const PolicySet& set) {
  return CompileSeatbelt(set.policies(), {"/home/u/.aegis"});
}

Profile Compiled(std::string_view text) {
  const SeatbeltProfile profile = Compile(MustLoad(text));
  auto parsed = Profile::Parse(profile.text);
  EXPECT_TRUE(parsed.has_value()) << profile.text;
  return parsed.value_or(Profile());
}

std::string TextOf(std::string_view policies) { return Compile(MustLoad(policies)).text; }

bool Says(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(SeatbeltTest, AllowsWhatAPermitPermitsAndNoMore) {
  const Profile profile = Compiled(
      R"(permit(principal, action == Aegis::Action::"FileRead", resource in Aegis::Resource::"/a");)");
  EXPECT_TRUE(profile.Allows("file-read-data", "/a/x", false));
  EXPECT_FALSE(profile.Allows("file-read-data", "/a/x", true)) << "listing is another action";
  EXPECT_FALSE(profile.Allows("file-read-data", "/ab", false));
  EXPECT_FALSE(profile.Allows("file-write-data", "/a/x", false));
  EXPECT_FALSE(profile.Allows("process-exec", "/a/x", false));
  EXPECT_TRUE(profile.Allows("file-read-metadata", "/a", true));
}

TEST(SeatbeltTest, ForbidsWinWhereverTheyStand) {
  const Profile profile = Compiled(
      R"(forbid(principal, action, resource in Aegis::Resource::"/a/secret");
         permit(principal, action, resource in Aegis::Resource::"/a");)");
  EXPECT_FALSE(profile.Allows("file-read-data", "/a/secret/x", false));
  EXPECT_FALSE(profile.Allows("file-read-metadata", "/a/secret", true));
  EXPECT_TRUE(profile.Allows("file-read-data", "/a/x", false));
  EXPECT_TRUE(profile.Allows("file-write-unlink", "/a/x", false));
}

TEST(SeatbeltTest, ConditionsAreLeftOutOfPermitsAndOfForbids) {
  const SeatbeltProfile profile = Compile(MustLoad(
      R"(@id("open") permit(principal, action, resource in Aegis::Resource::"/a");
         @id("maybe") permit(principal, action, resource in Aegis::Resource::"/b")
           when { context.pid > 1 };
         @id("never") forbid(principal, action, resource in Aegis::Resource::"/a/c")
           unless { context has exe && context.exe == "/bin/x" };)"));
  const auto parsed = Profile::Parse(profile.text);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->Allows("file-read-data", "/a/x", false));
  EXPECT_FALSE(parsed->Allows("file-read-data", "/b/x", false));
  EXPECT_FALSE(parsed->Allows("file-read-data", "/a/c/x", false));
  ASSERT_EQ(profile.notes.size(), 2U);
  EXPECT_EQ(profile.notes[0].policy, "maybe");
  EXPECT_EQ(profile.notes[1].policy, "never");
  EXPECT_TRUE(Says(profile.text, "; maybe: left out"));
}

TEST(SeatbeltTest, WhatAsksOrCouldFailRefuses) {
  const std::string permit = R"(permit(principal, action, resource in Aegis::Resource::"/a");)";
  EXPECT_TRUE(Compiled(permit).Allows("file-read-data", "/a/b/x", false));
  EXPECT_FALSE(
      Compiled(permit +
               R"(@ask("") permit(principal, action, resource in Aegis::Resource::"/a/b");)")
          .Allows("file-read-data", "/a/b/x", false));
  const std::string fails = R"(when { context.pid + 1 > 1 };)";
  const Profile inside = Compiled(
      permit + R"(permit(principal, action, resource in Aegis::Resource::"/a/b"))" + fails);
  EXPECT_FALSE(inside.Allows("file-read-data", "/a/b/x", false));
  EXPECT_TRUE(inside.Allows("file-read-data", "/a/x", false));
  EXPECT_FALSE(Compiled(permit + "permit(principal, action, resource)" + fails)
                   .Allows("file-read-data", "/a/x", false));
}

TEST(SeatbeltTest, AnUnboundForbidClosesItsActions) {
  const SeatbeltProfile profile = Compile(MustLoad(
      R"(permit(principal, action, resource);
         forbid(principal, action == Aegis::Action::"FileWrite", resource) when { context.pid > 9 };)"));
  const auto parsed = Profile::Parse(profile.text);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_FALSE(parsed->Allows("file-write-data", "/x", false));
  EXPECT_FALSE(parsed->Allows("file-write-create", "/x", true)) << "a rename may make it, too";
  EXPECT_TRUE(parsed->Allows("file-read-data", "/x", false));
  EXPECT_TRUE(Says(profile.text, "; FileWrite is allowed nowhere"));
}

TEST(SeatbeltTest, NothingUnreadCanBeMovedToWhereItIsRead) {
  const Profile profile = Compiled(
      R"(permit(principal, action in [Aegis::Action::"FileDelete", Aegis::Action::"FileWrite"],
                resource in Aegis::Resource::"/a");
         permit(principal, action == Aegis::Action::"FileRead",
                resource in Aegis::Resource::"/a/open");)");
  EXPECT_TRUE(profile.Allows("file-write-unlink", "/a/open/x", false));
  EXPECT_FALSE(profile.Allows("file-write-unlink", "/a/x", false));
}

TEST(SeatbeltTest, DirectoriesAboveAPlaceOfARuleStay) {
  const Profile profile = Compiled(
      R"(permit(principal, action, resource in Aegis::Resource::"/a");
         forbid(principal, action, resource in Aegis::Resource::"/a/b/c/secret");)");
  for (const char* path : {"/a/b", "/a/b/c"}) {
    EXPECT_FALSE(profile.Allows("file-write-unlink", path, true)) << path;
    EXPECT_FALSE(profile.Allows("file-write-create", path, true)) << path;
  }
  EXPECT_TRUE(profile.Allows("file-write-unlink", "/a/b/d", true));
}

TEST(SeatbeltTest, AegisStateAndSecondNamesAreDenied) {
  const Profile profile = Compiled("permit(principal, action, resource);");
  EXPECT_FALSE(profile.Allows("file-read-data", "/home/u/.aegis/current", false));
  EXPECT_FALSE(profile.Allows("file-read-data", "/System/Volumes/Data/home/u/x", false));
  EXPECT_FALSE(profile.Allows("file-write-unlink", "/home/u", true));
  EXPECT_TRUE(profile.Allows("file-read-data", "/home/u/x", false));
}

TEST(SeatbeltTest, SystemRulesStandOnlyWhereProgramsMayRun) {
  EXPECT_FALSE(Says(TextOf("forbid(principal, action, resource);"), "process-fork"));
  EXPECT_TRUE(Says(TextOf(kSpawn), "process-fork"));
  EXPECT_TRUE(Compiled(kSpawn).Allows("file-read-data", "/usr/lib/dyld", false));
  const std::string forbidden =
      std::string(kSpawn) + R"(forbid(principal, action == Aegis::Action::"FileRead", resource);)";
  EXPECT_FALSE(Compiled(forbidden).Allows("file-read-data", "/usr/lib/dyld", false));
  EXPECT_FALSE(Compiled(std::string(kSpawn) +
                        R"(forbid(principal, action, resource in Aegis::Resource::"/usr/lib");)")
                   .Allows("file-read-data", "/usr/lib/dyld", false));
}

TEST(SeatbeltTest, TheNetworkAsFarAsItCanBeSaid) {
  const auto net = [](std::string_view rest) {
    return "permit(principal, action == Aegis::Action::\"NetConnect\", resource" +
           std::string(rest);
  };
  const std::string both =
      net(R"( in Aegis::Resource::"127.0.0.1:80");)") + net(R"( in Aegis::Resource::"[::1]:80");)");
  EXPECT_TRUE(Says(TextOf(net(");")), R"((remote ip "*:*"))"));
  EXPECT_TRUE(Says(TextOf(both), R"((allow network-outbound (remote ip "localhost:80")))"));
  EXPECT_FALSE(Says(TextOf(net(R"( in Aegis::Resource::"127.0.0.1:80");)")), "(allow network"))
      << "the profile's localhost is ::1 too";
  EXPECT_TRUE(Says(TextOf(net(R"( in Aegis::Resource::"unix:/var/run/x");)")),
                   R"((allow network-outbound (literal "/private/var/run/x")))"));
  const std::string host = TextOf(net(R"( in Aegis::Resource::"example.com:443");)"));
  EXPECT_TRUE(Says(host, "example.com:443 left out"));
  EXPECT_FALSE(Says(host, "(allow network"));
  const std::string forbid =
      R"(forbid(principal, action == Aegis::Action::"NetConnect", resource in Aegis::Resource::"X");)";
  const auto without = [&](std::string_view name) {
    std::string text = forbid;
    return text.replace(text.find('X'), 1, name);
  };
  EXPECT_FALSE(Says(TextOf(net(");") + without("example.com")), "(allow network"));
  EXPECT_FALSE(Says(TextOf(both + without("127.0.0.1")), "(allow network"));
  EXPECT_TRUE(Says(TextOf(both + without("example.com")), "localhost:80"));
  for (const std::string_view held :
       {"64.0.0.0/2", "127.0.0.0/8:80", "::/0", "[::/8]:80", "*:80"}) {
    EXPECT_FALSE(Says(TextOf(both + without(held)), "(allow network")) << held;
  }
  EXPECT_TRUE(Says(TextOf(both + without("10.0.0.0/8")), "localhost:80"));
  EXPECT_FALSE(Says(TextOf(both + R"(forbid(principal, action, resource);)"), "(allow network"));
}

TEST(SeatbeltTest, HostileNamesStayInTheirPlace) {
  const std::string hostile = R"(/a\")\n(allow file-read-data (subpath \"/\"))\n; )";
  const std::string text =
      R"x(@id("x\n(allow default)") permit(principal, action, resource in Aegis::Resource::")x" +
      hostile + R"x(");
      forbid(principal, action, resource in Aegis::Resource::")x" +
      hostile + R"x(");
      forbid(principal, action, resource in Aegis::Resource::"*/\"))(allow default)(");
      permit(principal, action, resource in Aegis::Resource::"/ok");)x";
  const Profile profile = Compiled(text);
  EXPECT_FALSE(profile.Allows("file-read-data", "/b", false));
  EXPECT_TRUE(profile.Allows("file-read-data", "/ok/x", false));
}

TEST(SeatbeltTest, TemplatesCompile) {
  for (const std::string_view name : {"default-deny", "allow-read-only", "permit-all", "project"}) {
    const auto profile = Profile::Parse(Compile(LoadTemplate(name)).text);
    ASSERT_TRUE(profile.has_value()) << name;
    EXPECT_EQ(profile->Allows("file-read-data", "/home/u/app/x", false), name != "default-deny");
    EXPECT_EQ(profile->Allows("file-write-data", "/home/u/app/x", false),
              name == "permit-all" || name == "project");
    EXPECT_EQ(profile->Allows("file-read-data", "/home/u/.ssh/id", false),
              name == "permit-all" || name == "allow-read-only");
    EXPECT_EQ(profile->Allows("file-read-data", "/home/u/app/.env", false),
              name == "permit-all" || name == "allow-read-only");
  }
}

// ---- The property: what a profile lets through, the set permits, whatever the context is.

// What a program does, and the actions that the gate would have asked about.
struct Operation {
  std::string_view name;
  bool directory = false;
  std::vector<Action> actions;
};

const std::vector<Operation>& Operations() {
  static const std::vector<Operation> kOperations = {
      {"file-read-data", false, {Action::kFileRead}},
      {"file-map-executable", false, {Action::kFileRead}},
      {"file-read-data", true, {Action::kDirList}},
      {"file-write-create", false, {Action::kFileWrite}},
      {"file-write-create", true, {Action::kDirCreate, Action::kFileWrite}},
      {"file-write-data", false, {Action::kFileWrite}},
      {"file-write-mode", true, {Action::kFileWrite}},
      {"file-write-unlink", false, {Action::kFileDelete, Action::kFileRead}},
      {"process-exec", false, {Action::kProcessSpawn}},
  };
  return kOperations;
}

class RandomPolicies {
 public:
  explicit RandomPolicies(std::uint64_t seed) : random_(seed) {}

  std::string Text() {
    std::string text;
    for (std::size_t count = 1 + Below(7); count > 0; --count) {
      text += Policy();
    }
    return text;
  }

  // As a Mac's kernel names it.
  std::string Path() {
    static constexpr std::array<std::string_view, 12> kParts = {
        "a",         "b",        "c",    ".env", ".env.x", "q\"x",
        "u\xcc\x88", "\xc3\xbc", "\xff", "[x]",  "n\nl",   "tmp"};
    std::string path = Below(4) == 0 ? "/private/tmp" : "";
    for (std::size_t depth = Below(5); depth > 0; --depth) {
      path.append("/").append(kParts.at(Below(kParts.size())));
    }
    return path.empty() ? "/a" : seatbelt::OnMac(path);
  }

  std::size_t Below(std::size_t limit) { return random_() % limit; }

 private:
  std::string Resource() {
    static constexpr std::array<std::string_view, 22> kNames = {
        "/",          "/a",     "/a/b",           "/a/b/c",    "/b",          "/b/.env",
        "~",          "~/c",    "@dir",           "*/.env",    "*/.env.*",    "*/c",
        "/tmp",       "/tmp/a", "/private/tmp/b", "/a/q\\\"x", "/a/\xc3\xbc", "/a/u\xcc\x88",
        "/a/\\\\xff", "*/[x]",  "/b/n\\nl",       "*/q\\\"*"};
    return "Aegis::Resource::\"" + std::string(kNames.at(Below(kNames.size()))) + "\"";
  }

  std::string Policy() {
    const bool forbid = Below(3) == 0;
    std::string text = !forbid && Below(8) == 0 ? "@ask(\"\") " : "";
    text += forbid ? "forbid(" : "permit(";
    text += Below(12) == 0 ? "principal == Aegis::Agent::\"other\", " : "principal, ";
    text += Actions() + ", resource";
    const std::size_t head = Below(5);
    text += head == 0 ? " == " + Resource() : head < 4 ? " in " + Resource() : "";
    return text + ")" + Condition() + ";\n";
  }

  std::string Actions() {
    static constexpr std::array<std::string_view, 7> kNames = {
        "FileRead", "FileWrite",    "FileDelete", "DirCreate",
        "DirList",  "ProcessSpawn", "NetConnect"};
    if (Below(3) == 0) {
      return "action";
    }
    std::string list;
    for (const std::string_view name : kNames) {
      if (Below(2) == 0) {
        list += (list.empty() ? "" : ", ") + ("Aegis::Action::\"" + std::string(name) + "\"");
      }
    }
    return list.empty() ? "action" : "action in [" + list + "]";
  }

  std::string Condition() {
    switch (Below(14)) {
      case 0:
        return " when { context.pid > 5 }";
      case 1:
        return " when { context has exe && context.exe == \"/bin/x\" }";
      case 2:
        return " unless { resource in " + Resource() + " }";
      case 3:
        return " when { context.pid + 9223372036854775800 > 0 }";
      case 4:
      case 5:
        return " when { resource in [" + Resource() + ", " + Resource() + "] }";
      case 6:
        return " when { resource.path like \"*c\" }";
      default:
        return "";
    }
  }

  std::mt19937_64 random_;
};

// A file has the names that lead to it: a permit of one is enough, a refusal of one too.
bool Permits(const PolicySet& set, Action action, const std::string& path) {
  std::vector<std::string> names = {path};
  if (path.starts_with("/private/tmp")) {
    names.push_back(path.substr(std::string_view("/private").size()));
  }
  for (const Context& context :
       {Context{.pid = 1, .exe = "/bin/y"}, Context{.pid = 9, .exe = "/bin/x"}}) {
    bool permitted = false;
    for (const std::string& name : names) {
      const std::string escaped = base::EscapeName(name);
      const Outcome outcome =
          set.Evaluate({.action = action, .resource = escaped, .context = context}).outcome;
      if (outcome != Outcome::kPermit && outcome != Outcome::kNoPermit) {
        return false;
      }
      permitted = permitted || outcome == Outcome::kPermit;
    }
    if (!permitted) {
      return false;
    }
  }
  return true;
}

TEST(SeatbeltProperty, WhatAProfileLetsThroughThePolicyPermits) {
  RandomPolicies random(20261122);
  const Names names = {.agent = "test", .home = "/a", .dir = "/a/b"};
  std::size_t let_through = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string text = random.Text();
    const PolicySet set = MustLoad({{.file = "test.cedar", .text = text}}, names);
    const SeatbeltProfile compiled = CompileSeatbelt(set.policies(), {"/a/.aegis"});
    const auto profile = Profile::Parse(compiled.text);
    ASSERT_TRUE(profile.has_value()) << text << compiled.text;
    for (int access = 0; access < 40; ++access) {
      const std::string path = random.Path();
      for (const Operation& operation : Operations()) {
        if (!profile->Allows(operation.name, path, operation.directory)) {
          continue;
        }
        ++let_through;
        for (const Action action : operation.actions) {
          ASSERT_TRUE(Permits(set, action, path)) << operation.name << " " << path << "\n"
                                                  << text << compiled.text;
        }
      }
    }
  }
  EXPECT_GT(let_through, 5000U) << "it is no proof if all is closed";
}

}  // namespace
}  // namespace aegis::policy
