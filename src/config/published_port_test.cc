#include "config/published_port.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "policy/host_name.h"

namespace aegis::config {
namespace {

std::string TextOrError(const base::Result<PublishedPort>& port) {
  return port ? policy::AddressText(port->address) + " " + std::to_string(port->host_port) + " " +
                    std::to_string(port->port)
              : "! " + port.error().message();
}

std::string Parsed(std::string_view text) { return TextOrError(ParsePublishedPort(text)); }

TEST(PublishedPortTest, FormsAreRead) {
  const std::vector<std::pair<std::string_view, std::string_view>> forms = {
      {"3000", "127.0.0.1 3000 3000"},
      {"8080:3000", "127.0.0.1 8080 3000"},
      {"0:3000", "127.0.0.1 0 3000"},
      {"1:65535", "127.0.0.1 1 65535"},
      {"0.0.0.0:8080:3000", "0.0.0.0 8080 3000"},
      {"127.0.0.2:0:1", "127.0.0.2 0 1"},
      {"[::1]:8080:3000", "::1 8080 3000"},
      {"[::]:8080:3000", ":: 8080 3000"},
      {"[0:0::1]:8080:3000", "::1 8080 3000"},
      {"[192.0.2.1]:8080:3000", "192.0.2.1 8080 3000"},
      {"[::ffff:127.0.0.1]:8080:3000", "127.0.0.1 8080 3000"},
  };
  for (const auto& [text, expected] : forms) {
    EXPECT_EQ(Parsed(text), expected) << text;
  }
}

TEST(PublishedPortTest, OtherTextsAreRefused) {
  const std::vector<std::pair<std::string_view, std::string_view>> faults = {
      {"", R"(! "" is no port from 1 to 65535)"},
      {"0", R"(! "0" is no port from 1 to 65535)"},
      {"8080:0", R"(! "0" is no port from 1 to 65535)"},
      {"65536:1", R"(! "65536" is no port from 0 to 65535)"},
      {"99999999999999999999:1", R"(! "99999999999999999999" is no port from 0 to 65535)"},
      {"8080:", R"(! "" is no port from 1 to 65535)"},
      {":3000", R"(! "" is no port from 0 to 65535)"},
      {"-1:3000", R"(! "-1" is no port from 0 to 65535)"},
      {"+1:3000", R"(! "+1" is no port from 0 to 65535)"},
      {" 1:3000", R"(! " 1" is no port from 0 to 65535)"},
      {"0x1:3000", R"(! "0x1" is no port from 0 to 65535)"},
      {"http", R"(! "http" is no port from 1 to 65535)"},
      {"8080:3000/udp", R"(! "3000/udp" is no port from 1 to 65535)"},
      {"localhost:8080:3000",
       R"(! "localhost" is no address of this machine, such as 127.0.0.1 or ::1 (a name is none))"},
      {":8080:3000",
       R"(! "" is no address of this machine, such as 127.0.0.1 or ::1 (a name is none))"},
      {"[fe80::1%lo]:8080:3000",
       R"(! "fe80::1%lo" is no address of this machine, such as 127.0.0.1 or ::1 (a name is none))"},
      {"::1:8080:3000", "! an address of IPv6 stands in brackets: [::1]:8080:3000"},
      {"[::1]", "! no ports behind the address: [::1]:8080:3000"},
      {"[::1]8080:3000", "! no ports behind the address: [::1]:8080:3000"},
      {"[::1]:3000", "! behind an address stand two ports: 127.0.0.1:8080:3000"},
      {"[::1]:1:2:3", R"(! "2:3" is no port from 1 to 65535)"},
  };
  for (const auto& [text, expected] : faults) {
    EXPECT_EQ(Parsed(text), expected) << text;
  }
}

TEST(PublishedPortTest, TablesAreRead) {
  EXPECT_EQ(TextOrError(ReadPublishedPort({.port = 3000})), "127.0.0.1 3000 3000");
  EXPECT_EQ(TextOrError(ReadPublishedPort({.port = 3000, .host_port = 0})), "127.0.0.1 0 3000");
  EXPECT_EQ(TextOrError(ReadPublishedPort({.port = 65'535, .host_port = 65'535, .address = "::1"})),
            "::1 65535 65535");
  EXPECT_EQ(TextOrError(ReadPublishedPort({})), "! \"published_port.port\" is missing");
  for (const int port : {-1, 0, 65'536}) {
    EXPECT_EQ(TextOrError(ReadPublishedPort({.port = port, .host_port = 80})),
              "! \"published_port.port\" must be from 1 to 65535");
  }
  for (const int port : {-1, 65'536}) {
    EXPECT_EQ(TextOrError(ReadPublishedPort({.port = 80, .host_port = port})),
              "! \"published_port.host_port\" must be from 0 to 65535");
  }
  EXPECT_EQ(TextOrError(ReadPublishedPort({.port = 80, .address = "here"})),
            "! \"published_port.address\": \"here\" is no address of this machine, such as "
            "127.0.0.1 or ::1 (a name is none)");
}

TEST(PublishedPortTest, SettingsHaveThem) {
  const auto settings = ParseSettings(
      "[[published_port]]\nport = 3000\n\n"
      "[[published_port]]\nhost_port = 8443\nport = 443\naddress = \"0.0.0.0\"\n",
      "aegis.toml");
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_EQ(settings->published_ports,
            (std::vector<PublishedPort>{ParsePublishedPort("3000").value(),
                                        ParsePublishedPort("0.0.0.0:8443:443").value()}));
  const std::vector<std::pair<std::string_view, std::string_view>> faults = {
      {"[[published_port]]\nhost_port = 1", "f:1:1: \"published_port.port\" is missing"},
      {"\n[[published_port]]\nport = 0", "f:2:1: \"published_port.port\" must be from 1 to 65535"},
      {"[[published_port]]\nport = \"80\"", "f:2:8: \"published_port.port\" must be an integer"},
      {"[[published_port]]\nport = 80\nhost = 81",
       "f:3:1: unknown key \"published_port.host\" (did you mean \"published_port.port\"?)"},
      {"[published_port]\nport = 80", "f:1:1: \"published_port\" must be an array of tables"},
  };
  for (const auto& [toml, expected] : faults) {
    const auto refused = ParseSettings(toml, "f");
    ASSERT_FALSE(refused) << toml;
    EXPECT_EQ(refused.error().message(), expected);
  }
}

}  // namespace
}  // namespace aegis::config
