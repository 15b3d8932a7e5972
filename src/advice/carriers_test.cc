#include "advice/carriers.h"

#include <gtest/gtest.h>

namespace aegis::advice {
namespace {

TEST(CarriersTest, WhatCarriesAnythingIsNamed) {
  for (const char* const host :
       {"github.com", "api.github.com", "raw.githubusercontent.com", "gist.github.com",
        "pastebin.com", "hooks.slack.com", "discord.com", "api.telegram.org", "x.ngrok.io",
        "bucket.s3.amazonaws.com", "webhook.site", "u.github.io", "1.2.3.4", "203.0.113.0/24",
        "2001:db8::1", "*.com", "*.github.com", "unix:/run/docker.sock"}) {
    EXPECT_NE(CarrierKind(host), "") << host;
  }
}

TEST(CarriersTest, OthersAreNot) {
  for (const char* const host :
       {"api.example.com", "*.example.com", "notgithub.com", "github.com.example", "localhost",
        "127.0.0.1", "::1", "unix:/run/x", "unix:@github.com"}) {
    EXPECT_EQ(CarrierKind(host), "") << host;
  }
}

}  // namespace
}  // namespace aegis::advice
