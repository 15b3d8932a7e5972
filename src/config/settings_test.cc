#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace aegis::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string ErrorOf(std::string_view toml) {
  const auto settings = ParseSettings(toml, "aegis.toml");
  return settings ? "no error" : settings.error().message();
}

TEST(ParseSettings, ReadsItsKeys) {
  const auto settings = ParseSettings(R"(
name = "my-agent"
dir = "~/src"
sandbox_dir = "sandbox"
policy_paths = ["policies", "/etc/aegis/site.cedar"]
ledger_path = "audit.db"
env_pass = ["ANTHROPIC_API_KEY"]
private_dirs = []
)",
                                      "aegis.toml");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->name, "my-agent");
  EXPECT_EQ(settings->dir, "~/src");
  EXPECT_EQ(settings->sandbox_dir, "sandbox");
  EXPECT_EQ(settings->ledger_path, "audit.db");
  EXPECT_THAT(settings->policy_paths.value(), ElementsAre("policies", "/etc/aegis/site.cedar"));
  EXPECT_THAT(settings->env_pass.value(), ElementsAre("ANTHROPIC_API_KEY"));
  EXPECT_THAT(settings->private_dirs.value(), IsEmpty());
  EXPECT_THAT(settings->without_effect, IsEmpty());
}

TEST(ParseSettings, AbsentKeysStayAbsent) {
  const auto settings = ParseSettings("", "aegis.toml");
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->name, std::nullopt);
  EXPECT_EQ(settings->policy_paths, std::nullopt);
}

TEST(ParseSettings, ReadsWitnesses) {
  const auto several = ParseSettings(R"(
[ledger.witness]
targets = ["https://w.example", "/var/log/w", "syslog"]
keys = ["a", "b"]
ca = "ca.pem"
required = true
)",
                                     "aegis.toml");
  ASSERT_TRUE(several.has_value()) << several.error().message();
  EXPECT_EQ(several->witness,
            (WitnessSettings{.targets = {"https://w.example", "/var/log/w", "syslog"},
                             .keys = {"a", "b"},
                             .ca = "ca.pem",
                             .required = true}));
  EXPECT_THAT(several->without_effect, IsEmpty());
  const auto one =
      ParseSettings("[ledger.witness]\ntarget = \"syslog\"\nkey = \"a\"\ntargets = [\"x\"]", "f");
  ASSERT_TRUE(one.has_value()) << one.error().message();
  EXPECT_EQ(one->witness, (WitnessSettings{.targets = {"syslog", "x"}, .keys = {"a"}}));
  EXPECT_EQ(ParseSettings("", "f")->witness, WitnessSettings{});
  EXPECT_EQ(ParseSettings("ledger = {}", "f")->witness, WitnessSettings{});
  EXPECT_THAT(ErrorOf("ledger = 1"), HasSubstr("must be a table"));
  EXPECT_THAT(ErrorOf("[ledger.witness]\nrequired = 1"), HasSubstr("must be true or false"));
  EXPECT_THAT(ErrorOf("[ledger.witness]\ntargets = \"x\""), HasSubstr("array of strings"));
  EXPECT_THAT(ErrorOf("[ledger.witness]\nurl = \"x\""),
              HasSubstr("unknown key \"ledger.witness.url\""));
}

TEST(ParseSettings, ReadsMasks) {
  const auto settings = ParseSettings("[ledger]\nmask = ['ACME-\\d{8}', \"é\"]", "f");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_THAT(settings->masks, ElementsAre("ACME-\\d{8}", "é"));
  EXPECT_THAT(settings->without_effect, IsEmpty());
  EXPECT_THAT(ParseSettings("", "f")->masks, IsEmpty());
  EXPECT_THAT(ParseSettings("[ledger.witness]\ntarget = \"syslog\"", "f")->masks, IsEmpty());
  EXPECT_THAT(ErrorOf("[ledger]\nmask = \"x\""), HasSubstr("\"ledger.mask\" must be an array"));
  EXPECT_THAT(ErrorOf("[ledger]\nmask = [1]"), HasSubstr("must be an array of strings"));
  EXPECT_THAT(ErrorOf("[ledger]\nmasks = []"), HasSubstr("did you mean \"ledger.mask\"?"));
}

TEST(ParseSettings, ReadsWhetherConnectionsWaitForTheDisk) {
  EXPECT_EQ(ParseSettings("[ledger]\nnetwork = \"Ordered\"", "f")->network, "ordered");
  EXPECT_EQ(ParseSettings("[ledger]\nnetwork = \"durable\"", "f")->network, "durable");
  EXPECT_EQ(ParseSettings("", "f")->network, std::nullopt);
  EXPECT_THAT(ErrorOf("[ledger]\nnetwork = \"fast\""), HasSubstr("ledger.network"));
  EXPECT_THAT(ErrorOf("[ledger]\nnetwork = true"), HasSubstr("must be a string"));
}

// The reference configuration that users have, to the letter: its `null` is no TOML.
constexpr std::string_view kReference = R"(
name = "my-agent"
sandbox_dir = "/Users/me/.aegis/my-agent/sandbox"
policy_paths = ["/Users/me/.aegis/my-agent/policies"]
ledger_path = "/Users/me/.aegis/my-agent/audit.db"
allowed_network = []

[isolation]
# Options: "Seatbelt" (kernel enforcement), "Process" (no enforcement), "None"
Seatbelt = { profile_overrides = null }

[observer]
# Options: "None", { FsEvents = { enable_snapshots = true } }, "EndpointSecurity"
FsEvents = { enable_snapshots = true }

[pilot]
# Optional: pilot supervision settings
[pilot.stall]
timeout_secs = 120
nudge_message = "Continue working on the task."
max_nudges = 5

[pilot.control]
http_listen = ""           # e.g., "0.0.0.0:8443"
api_key = ""               # Required for HTTP access

# Alert rules (optional)
[[alerts]]
name = "deny-alert"
event = "deny"
webhook_url = "https://hooks.slack.com/services/..."

[channel]
type = "telegram"
bot_token = "123456:ABC-DEF..."
chat_id = 987654321
)";

TEST(ParseSettings, LoadsTheReferenceConfiguration) {
  const auto settings = ParseSettings(kReference, "aegis.toml");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->name, "my-agent");
  EXPECT_THAT(settings->without_effect, ElementsAre("alerts", "pilot", "channel"));
  EXPECT_THAT(settings->mapped,
              ElementsAre("isolation = Seatbelt (namespaces, Landlock and seccomp)",
                          "observer = FsEvents (the gate records each action)"));
}

TEST(ParseSettings, MapsWhatOtherSystemsHave) {
  for (const auto& [toml, note] : std::vector<std::pair<std::string, std::string>>{
           {"isolation = \"Process\"", "isolation = Process (`run` enforces"},
           {"isolation = \"None\"", "isolation = None (`run` enforces"},
           {"isolation = \"seatbelt\"", "isolation = Seatbelt (namespaces"},
           {"[isolation.Seatbelt]", "isolation = Seatbelt (namespaces"},
           {"observer = \"EndpointSecurity\"", "observer = EndpointSecurity (the gate"},
           {"[observer.FsEvents]\nenable_snapshots = false", "observer = FsEvents (the gate"}}) {
    const auto settings = ParseSettings(toml, "f");
    ASSERT_TRUE(settings.has_value()) << settings.error().message();
    EXPECT_THAT(settings->mapped, ElementsAre(StartsWith(note))) << toml;
    EXPECT_THAT(settings->without_effect, IsEmpty()) << toml;
  }
  EXPECT_THAT(ParseSettings("", "f")->mapped, IsEmpty());
}

TEST(ParseSettings, ChecksInnerKeysAndChoices) {
  for (const auto& [toml, text] : std::vector<std::pair<std::string, std::string>>{
           {"isolation = \"Seatblet\"",
            "f:1:13: \"isolation\" must be one of Seatbelt, Process, None (did you mean "
            "\"Seatbelt\"?)"},
           {"isolation = 3", "must be a name or a table"},
           {"[isolation.Seatblet]", "did you mean \"isolation.Seatbelt\"?"},
           {"[isolation.Seatbelt]\nprofile_overrides = 3", "must be a string"},
           {"[observer.FsEvents]\nenable_snapshots = \"yes\"", "must be true or false"},
           {"[[allowed_network]]\nhost = 3", "\"allowed_network.host\" must be a string"},
           {"[[allowed_network]]\nhost = \"a\"\nopaque = \"yes\"",
            "f:3:10: \"allowed_network.opaque\" must be true or false"},
           {"[[allowed_network]]\nopaqe = true", "did you mean \"allowed_network.opaque\"?"},
           {"[[allowed_network]]\nhst = \"a\"", "did you mean \"allowed_network.host\"?"},
           {"allowed_network = [{host = \"a\", protocol = \"Htps\"}]", "did you mean \"Http"},
           {"[[alerts]]\naction_kinds = [\"FileRead\", \"FileRaed\"]",
            "f:2:29: \"alerts.action_kinds\" must be one of"},
           {"[[alerts]]\ndecision = \"maybe\"", "must be one of Allow, Deny"},
           {"[pilot]\nuncertain_action = \"Alow\"", "did you mean \"Allow\"?"},
           {"[pilot]\nadapter = \"Claude\"", "must be one of ClaudeCode, Codex"},
           {"[[pilot.adapter.Generic.patterns]]\nregx = \"x\"", "patterns.regex\"?"},
           {"[channel]\ntype = \"pigeon\"", "must be one of telegram"},
           {"name = null", "f:1:8: \"name\" must be a string"}}) {
    const auto settings = ParseSettings(toml, "f");
    ASSERT_FALSE(settings.has_value()) << toml;
    EXPECT_THAT(settings.error().message(), HasSubstr(text)) << toml;
  }
}

TEST(ParseSettings, KnowsOtherFormsOfOldKeys) {
  for (const std::string_view toml :
       {"isolation = \"Process\"", "observer = \"None\"", "schema_path = \"s.cedarschema\"",
        "allowed_network = [{host = \"example.com\", port = 443, protocol = \"Https\"}]",
        "[pilot.adapter.Generic]\npatterns = [{regex = \"x\", approve = \"y\", deny = \"n\"}]",
        "[pilot]\nadapter = \"Auto\"\noutput_buffer_lines = 200\nuncertain_action = \"Deny\"",
        "[usage_proxy]\nenabled = true\nport = 0", "[channel]\nallow_group_commands = false"}) {
    EXPECT_TRUE(ParseSettings(toml, "aegis.toml").has_value()) << ErrorOf(toml);
  }
}

TEST(ParseSettings, RefusesUnknownKeysWithTheirPlace) {
  EXPECT_THAT(ErrorOf("name = \"x\"\n  polcy_paths = []\n"),
              StartsWith("aegis.toml:2:3: unknown key \"polcy_paths\" (did you mean "
                         "\"policy_paths\"?)"));
  EXPECT_THAT(ErrorOf("[pilot.stall]\ntimeout = 3\n"), HasSubstr(":2:1: unknown key"));
  EXPECT_THAT(ErrorOf("[[alerts]]\nname = \"a\"\n[[alerts]]\nnmae = \"b\"\n"),
              StartsWith("aegis.toml:4:1: unknown key \"alerts.nmae\""));
  EXPECT_THAT(ErrorOf("zzzzzzzzzzzz = 1"), HasSubstr("unknown key \"zzzzzzzzzzzz\""));
  EXPECT_THAT(ErrorOf("\"na\\u001bme\" = 1"), HasSubstr("unknown key"));
}

TEST(ParseSettings, RefusesWrongTypesWithTheirPlace) {
  EXPECT_EQ(ErrorOf("name = 3"), "aegis.toml:1:8: \"name\" must be a string");
  EXPECT_EQ(ErrorOf("env_pass = \"A\""),
            "aegis.toml:1:12: \"env_pass\" must be an array of strings");
  EXPECT_THAT(ErrorOf("env_pass = [\"A\", 1]"), HasSubstr("must be an array of strings"));
  EXPECT_THAT(ErrorOf("dir = [\"a\"]"), HasSubstr("must be a string"));
  EXPECT_THAT(ErrorOf("pilot = 1"), HasSubstr("must be a table"));
  EXPECT_THAT(ErrorOf("alerts = {}"), HasSubstr("must be an array of tables"));
  EXPECT_THAT(ErrorOf("[channel]\nchat_id = \"x\""), HasSubstr("must be an integer"));
}

TEST(ParseSettings, RefusesBrokenToml) {
  for (const std::string_view toml :
       {"name = ", "name = \"x", "name = \"a\"\nname = \"b\"", "[a", "= 1", "name = null",
        "name = \"\x01\"", "\xff", "name = \"\xff\"", "]]", "name = 'a\nb'"}) {
    EXPECT_THAT(ErrorOf(toml), StartsWith("aegis.toml")) << toml;
  }
  EXPECT_THAT(ErrorOf(std::string_view("name = \"a\0b\"", 12)), StartsWith("aegis.toml"));
}

TEST(ParseSettings, BoundsNesting) {
  const std::string deep = "observer = " + std::string(100'000, '[');
  EXPECT_THAT(ErrorOf(deep), StartsWith("aegis.toml:1:"));
  std::string tables = "observer = ";
  for (int i = 0; i < 50'000; ++i) {
    tables += "{a=";
  }
  EXPECT_THAT(ErrorOf(tables), StartsWith("aegis.toml:1:"));
}

TEST(RenderSettings, IsReadBack) {
  for (const std::optional<std::string>& dir : std::vector<std::optional<std::string>>{
           std::nullopt, "/srv/app", "/a \"b\"\n\\c\t\x7f", "/é", "/bad\xff\x01"}) {
    const std::string text = RenderSettings({.name = "my-agent", .dir = dir});
    const auto settings = ParseSettings(text, "aegis.toml");
    ASSERT_TRUE(settings.has_value()) << settings.error().message() << text;
    EXPECT_EQ(settings->name, "my-agent");
    EXPECT_EQ(settings->dir.has_value(), dir.has_value());
    EXPECT_EQ(settings->ledger_path, "audit.db");
    EXPECT_THAT(settings->without_effect, IsEmpty());
  }
}

TEST(TomlString, EscapesWhatTomlCannotHold) {
  EXPECT_EQ(TomlString("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
  EXPECT_EQ(TomlString("é"), "\"é\"");
}

}  // namespace
}  // namespace aegis::config
