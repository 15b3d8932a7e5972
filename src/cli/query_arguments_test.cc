#include "cli/query_arguments.h"

#include <gtest/gtest.h>

#include <string>

#include "base/result.h"

namespace aegis::cli {
namespace {

bool Matches(const std::string& pattern, const std::string& name,
             const std::string& home = "/home/u") {
  const auto glob = PathPattern(pattern, home);
  EXPECT_TRUE(glob) << pattern;
  return glob && glob->Matches(name);
}

TEST(PathPattern, ATildeIsTheHomeDirectory) {
  EXPECT_TRUE(Matches("~", "/home/u"));
  EXPECT_TRUE(Matches("~/x", "/home/u/x"));
  EXPECT_TRUE(Matches("~/**", "/home/u/a/b"));
  EXPECT_FALSE(Matches("~/x", "/home/v/x"));
  EXPECT_FALSE(Matches("~x", "/home/u/x"));
  EXPECT_TRUE(Matches("/x/~", "/x/~"));
}

TEST(PathPattern, AHomeDirectoryIsNoPattern) {
  EXPECT_TRUE(Matches("~/x", "/home/*?/x", "/home/*?"));
  EXPECT_FALSE(Matches("~/x", "/home/ab/x", "/home/*?"));
  EXPECT_TRUE(Matches("~/x", "/home/a\\\\b\\xff/x", "/home/a\\b\xff"));
}

TEST(PathPattern, WhatNoNameHasIsRefused) {
  for (const char* const pattern : {".", "..", "./x", "../x", "x/..", "/..", "/x/./y", "/x/../y",
                                    "//", "/x//y", "/x/", "x/", "~/", "~/..", "~/./x", "**/.."}) {
    EXPECT_EQ(PathPattern(pattern, "/home/u").error().code(), base::Errc::kInvalid) << pattern;
  }
}

TEST(PathPattern, OthersAreTaken) {
  for (const char* const pattern : {"", "/", "/x", "/.x", "/x..", "/...", "*", "**", "**/x", "/?",
                                    "localhost:443", "*.example.com:*", "unix:/run/x", "\\*"}) {
    EXPECT_TRUE(PathPattern(pattern, "/home/u")) << pattern;
  }
}

}  // namespace
}  // namespace aegis::cli
