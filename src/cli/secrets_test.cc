#include "cli/secrets.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

namespace aegis::cli {
namespace {

TEST(SecretPlaces, AreThoseOfTheTemplate) {
  auto places = SecretPlaces::Load({.agent = "a", .home = "/home/u", .dir = "/srv/app"});
  ASSERT_TRUE(places) << places.error().message();
  const std::pair<std::string_view, bool> cases[] = {
      {"/home/u/.ssh", true},
      {"/home/u/.ssh/id_ed25519", true},
      {"/home/u/.aws/x", true},
      {"/home/u/.bashrc", false},
      {"/home/other/.ssh/id", false},
      {"/etc/shadow", true},
      {"/etc/hosts", false},
      {"/srv/app/.env", true},
      {"/srv/app/.env.local", true},
      {"/srv/app/.env.example", false},
      {"/srv/app/main.c", false},
      {"/", false},
      {"", false},
      {"relative", false},
      {"/home/u/.ssh/", false},
      {"/a/../home/u/.ssh", false},
      {"example.com:443", false},
  };
  for (int round = 0; round < 2; ++round) {
    for (const auto& [path, secret] : cases) {
      EXPECT_EQ(places->Contains(path), secret) << path;
    }
  }
}

}  // namespace
}  // namespace aegis::cli
