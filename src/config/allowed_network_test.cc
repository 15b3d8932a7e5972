#include "config/allowed_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "policy/policy.h"

namespace aegis::config {
namespace {

using ::testing::HasSubstr;

std::string PlaceOrError(const AllowedNetwork& allowed) {
  const auto place = PlaceOf(allowed);
  return place ? *place : "! " + place.error().message();
}

TEST(AllowedNetworkTest, HostsGetTheirOneForm) {
  EXPECT_EQ(PlaceOrError({.host = "API.Example.com.", .port = 443}), "api.example.com:443");
  EXPECT_EQ(PlaceOrError({.host = "*.Example.com"}), "*.example.com");
  EXPECT_EQ(PlaceOrError({.host = "*.example.com", .port = 80}), "*.example.com:80");
  EXPECT_EQ(PlaceOrError({.host = "0x7f.1", .port = 80}), "127.0.0.1:80");
  EXPECT_EQ(PlaceOrError({.host = "[::1]", .port = 80}), "[::1]:80");
  EXPECT_EQ(PlaceOrError({.host = "10.0.0.0/8"}), "10.0.0.0/8");
  EXPECT_EQ(PlaceOrError({.host = "FD00::/8", .port = 22}), "[fd00::/8]:22");
}

TEST(AllowedNetworkTest, WhatNoConnectionHasIsRefused) {
  for (const std::string_view host : {"", "*", "*.", "a b", "https://a", "a:443", "1.2.3.256",
                                      "10.0.0.1/8", "10.0.0.0/33", "a/8", "*.10.0.0.1", "*.*.a"}) {
    EXPECT_THAT(PlaceOrError({.host = std::string(host)}),
                HasSubstr("! \"allowed_network.host\": "))
        << host;
  }
  for (const int port : {0, -1, 65'536}) {
    EXPECT_EQ(PlaceOrError({.host = "a", .port = port}),
              "! \"allowed_network.port\" must be from 1 to 65535");
  }
}

bool Connects(const policy::PolicySet& set, std::string_view host, int port,
              std::string_view protocol) {
  const std::string resource = std::string(host) + ":" + std::to_string(port);
  return set.Evaluate({.action = policy::Action::kNetConnect,
                       .resource = resource,
                       .context = {.pid = 1, .host = host, .port = port, .protocol = protocol}})
             .outcome == policy::Outcome::kPermit;
}

TEST(AllowedNetworkTest, TheyArePermitsOnTheirLines) {
  constexpr std::string_view kToml = R"(name = "a"

[[allowed_network]]
host = "Api.example.com"
port = 443
protocol = "Https"

[[allowed_network]]
host = "*.example.org"

[[allowed_network]]
host = "10.0.0.0/8"
protocol = "UDP"
)";
  const auto settings = ParseSettings(kToml, "aegis.toml");
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_TRUE(settings->without_effect.empty());
  const auto set =
      policy::PolicySet::Load({{.file = "aegis.toml", .text = settings->network_policy}},
                              {.agent = "a", .home = "", .dir = ""});
  ASSERT_TRUE(set) << set.error().message();
  ASSERT_EQ(set->policies().size(), 3U);
  EXPECT_EQ(set->policies()[0].id, "allowed_network.1");
  EXPECT_EQ(set->policies()[0].line, 3U);
  EXPECT_EQ(set->policies()[1].line, 8U);
  EXPECT_EQ(set->policies()[2].line, 11U);
  EXPECT_TRUE(Connects(*set, "api.example.com", 443, "tcp"));
  EXPECT_FALSE(Connects(*set, "api.example.com", 443, "udp"));
  EXPECT_FALSE(Connects(*set, "api.example.com", 80, "tcp"));
  EXPECT_TRUE(Connects(*set, "x.example.org", 1, "udp"));
  EXPECT_TRUE(Connects(*set, "10.1.1.1", 53, "udp"));
  EXPECT_FALSE(Connects(*set, "10.1.1.1", 53, "tcp"));
  EXPECT_TRUE(set->MayReach("api.example.com"));
}

TEST(AllowedNetworkTest, OnlyWhatTellsNoNameIsOpaqueByItself) {
  const auto is_opaque = [](std::optional<std::string> protocol, std::optional<bool> opaque) {
    const AllowedNetwork allowed = {.host = "a", .protocol = std::move(protocol), .opaque = opaque};
    const policy::PolicySet set =
        policy::PolicySet::Load({{.file = "f", .text = PermitsOf({{allowed}})}},
                                {.agent = "a", .home = "", .dir = ""})
            .value();
    return set.policies().front().opaque;
  };
  for (const char* const protocol : {"http", "https", "udp"}) {
    EXPECT_FALSE(is_opaque(protocol, std::nullopt)) << protocol;
    EXPECT_TRUE(is_opaque(protocol, true)) << protocol;
  }
  EXPECT_FALSE(is_opaque(std::nullopt, std::nullopt));
  EXPECT_TRUE(is_opaque(std::nullopt, true));
  EXPECT_TRUE(is_opaque("tcp", std::nullopt));
  EXPECT_FALSE(is_opaque("tcp", false)) << "what is said beside the protocol holds";
}

TEST(AllowedNetworkTest, TheSettingsSayWhatIsOpaque) {
  const auto settings = ParseSettings(
      "allowed_network = [{host = \"a\", opaque = true}, {host = \"b\", protocol = \"Tcp\"}, "
      "{host = \"c\", protocol = \"Tcp\", opaque = false}]",
      "f");
  ASSERT_TRUE(settings) << settings.error().message();
  EXPECT_THAT(settings->network_policy, HasSubstr("@id(\"allowed_network.1\") @opaque permit("));
  EXPECT_THAT(settings->network_policy, HasSubstr("@id(\"allowed_network.2\") @opaque permit("));
  EXPECT_THAT(settings->network_policy, HasSubstr("@id(\"allowed_network.3\") permit("));
}

TEST(AllowedNetworkTest, ErrorsNameFileAndKey) {
  const auto refused = [](std::string_view toml) {
    const auto settings = ParseSettings(toml, "f");
    return settings ? std::string() : settings.error().message();
  };
  EXPECT_EQ(refused("[[allowed_network]]\nhost = \"a b\""),
            "f:1:1: \"allowed_network.host\": \"a b\" is no host: a character that no host has");
  EXPECT_EQ(refused("\nallowed_network = [{host = \"a\", port = 0}]"),
            "f:2:20: \"allowed_network.port\" must be from 1 to 65535");
  EXPECT_EQ(refused("[[allowed_network]]\nport = 1"), "f:1:1: \"allowed_network.host\" is missing");
  EXPECT_EQ(refused("allowed_network = [{host = \"a\"}, {host = \"b\"}]"), "");
}

}  // namespace
}  // namespace aegis::config
