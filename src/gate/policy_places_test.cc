#include "gate/policy_places.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gate/test_roots.h"

namespace aegis::gate {
namespace {

namespace fs = std::filesystem;

class PolicyPlacesTest : public ::testing::Test {
 protected:
  PolicyPlacesTest() {
    base_ = fs::canonical(files_.directory()).string();
    fs::create_directories(base_ + "/policies");
    fs::create_directories(base_ + "/project");
    Write("policies/a.cedar", "a");
    Write("project/other.cedar", "b");
    places_ = {base_ + "/policies"};
  }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(base_ + "/" + name) << text;
  }

  // Why the places are not believed; empty if they are.
  std::string Refused() const {
    const auto own = RequireOwnNames(places_);
    return own ? "" : own.error().message();
  }

  TestRoots files_;
  std::string base_;
  std::vector<std::string> places_;
};

TEST_F(PolicyPlacesTest, PlainFilesAreBelieved) {
  EXPECT_EQ(Refused(), "");
  fs::create_symlink(base_ + "/project/other.cedar", base_ + "/policies/notes.txt");
  EXPECT_EQ(Refused(), "");
  places_ = {base_ + "/policies/a.cedar"};
  EXPECT_EQ(Refused(), "");
}

TEST_F(PolicyPlacesTest, ALinkIsNot) {
  fs::create_symlink(base_ + "/project/other.cedar", base_ + "/policies/b.cedar");
  EXPECT_NE(Refused().find("policies/b.cedar: a policy file that is a link"), std::string::npos);
  fs::remove(base_ + "/policies/b.cedar");
  // A directory above that became one.
  fs::rename(base_ + "/policies", base_ + "/project/policies");
  fs::create_symlink(base_ + "/project/policies", base_ + "/policies");
  EXPECT_NE(Refused().find("a link leads to it now"), std::string::npos);
  fs::remove(base_ + "/policies");
  EXPECT_NE(Refused().find("policies"), std::string::npos);
}

TEST_F(PolicyPlacesTest, ASecondNameOrAnotherKindOfFileIsNot) {
  fs::create_hard_link(base_ + "/policies/a.cedar", base_ + "/project/alias");
  EXPECT_NE(Refused().find("policies/a.cedar: a policy file with a second name"),
            std::string::npos);
  places_ = {base_ + "/policies/a.cedar"};
  EXPECT_NE(Refused(), "");
  fs::remove(base_ + "/project/alias");
  EXPECT_EQ(Refused(), "");
  places_ = {base_ + "/policies"};
  ASSERT_EQ(::mkfifo((base_ + "/policies/b.cedar").c_str(), 0600), 0);
  EXPECT_NE(Refused().find("not a regular file"), std::string::npos);
}

TEST_F(PolicyPlacesTest, EveryEditShows) {
  std::string before = StateOfPlaces(places_);
  EXPECT_EQ(StateOfPlaces(places_), before);
  const auto changed = [&] {
    const std::string last = std::exchange(before, StateOfPlaces(places_));
    return last != before;
  };
  Write("policies/a.cedar", "longer");
  EXPECT_TRUE(changed());
  ASSERT_EQ(::truncate((base_ + "/policies/a.cedar").c_str(), 1), 0);
  EXPECT_TRUE(changed());
  Write("policies/notes.txt", "");
  EXPECT_FALSE(changed());
  Write("policies/b.cedar", "");
  EXPECT_TRUE(changed());
  fs::remove(base_ + "/policies/b.cedar");
  EXPECT_TRUE(changed());
  fs::rename(base_ + "/policies", base_ + "/gone");
  EXPECT_TRUE(changed());
}

}  // namespace
}  // namespace aegis::gate
