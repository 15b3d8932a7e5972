#include "gate/name_service_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "sandbox/plan.h"

namespace aegis::gate {
namespace {

std::optional<std::string> TextOf(const std::string& path) {
  for (const sandbox::SuppliedFile& file : NameServiceFiles()) {
    if (file.path == path) {
      return file.text;
    }
  }
  return std::nullopt;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

TEST(NameServiceFiles, OnlyTheRunsOwnServerIsAsked) {
  const auto text = TextOf("/etc/resolv.conf");
  ASSERT_TRUE(text);
  const auto lines = Lines(*text);
  EXPECT_EQ(std::ranges::count_if(
                lines, [](const std::string& line) { return line.starts_with("nameserver"); }),
            1);
  EXPECT_NE(std::ranges::find(lines, "nameserver 127.0.0.1"), lines.end());
  // No domain of this machine's is tried.
  EXPECT_EQ(text->find("search"), std::string::npos);
  EXPECT_EQ(text->find("domain"), std::string::npos);
}

TEST(NameServiceFiles, TheOwnNamesNeedNobody) {
  const auto text = TextOf("/etc/hosts");
  ASSERT_TRUE(text);
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  EXPECT_NE(text->find("127.0.0.1 localhost\n"), std::string::npos);
  EXPECT_NE(text->find("::1 localhost"), std::string::npos);
  EXPECT_NE(text->find(std::string("127.0.1.1 ") + name.data() + "\n"), std::string::npos);
  // Nothing else of the host's file, which may name what is inside of its network.
  EXPECT_EQ(Lines(*text).size(), 3U);
}

// The line about hosts is ours, the others are the machine's.
TEST(NameServiceFiles, OtherSwitchesStayAsTheyAre) {
  const auto machine = base::ReadFile("/etc/nsswitch.conf");
  const auto text = TextOf("/etc/nsswitch.conf");
  ASSERT_EQ(text.has_value(), machine.has_value());
  if (!machine) {
    GTEST_SKIP() << "needs an /etc/nsswitch.conf";
  }
  const auto ours = Lines(*text);
  const auto theirs = Lines(*machine);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const bool about_hosts = theirs[i].find("hosts:") < theirs[i].find('#');
    EXPECT_EQ(ours[i], about_hosts ? "hosts: files dns" : theirs[i]);
  }
}

TEST(NameServiceFiles, EachPathOnce) {
  std::set<std::string> paths;
  for (const sandbox::SuppliedFile& file : NameServiceFiles()) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path;
    EXPECT_TRUE(file.text.ends_with('\n')) << file.path;
  }
}

}  // namespace
}  // namespace aegis::gate
