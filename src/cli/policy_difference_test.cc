#include "cli/policy_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

base::Result<policy::PolicySet> Load(const std::vector<policy::Source>& sources) {
  return policy::PolicySet::Load(sources, {.agent = "a", .home = "/home/u", .dir = "/srv"});
}

std::string Permit(const std::string& id, const std::string& place) {
  return "@id(\"" + id + "\") permit(principal, action, resource in Aegis::Resource::\"" + place +
         "\");\n";
}

TEST(PolicyDifferenceTest, FilesAndPoliciesByTheirNames) {
  const ledger::StoredPolicySet before = {
      .texts = {{"a.cedar", Permit("one", "/a") + Permit("two", "/b")}, {"b.cedar", "// b"}}};
  const ledger::StoredPolicySet now = {
      .texts = {{"a.cedar", Permit("two", "/c") + Permit("three", "/d")}, {"c.cedar", "// b"}}};
  const PolicyDifference difference = Compare(before, now, Load);
  EXPECT_THAT(difference.files.added, ElementsAre("c.cedar"));
  EXPECT_THAT(difference.files.removed, ElementsAre("b.cedar"));
  EXPECT_THAT(difference.files.changed, ElementsAre("a.cedar"));
  ASSERT_TRUE(difference.policies);
  EXPECT_THAT(difference.policies->added, ElementsAre("three"));
  EXPECT_THAT(difference.policies->removed, ElementsAre("one"));
  EXPECT_THAT(difference.policies->changed, ElementsAre("two"));
}

TEST(PolicyDifferenceTest, ACommentChangesNoPolicy) {
  const PolicyDifference difference =
      Compare({.texts = {{"a.cedar", Permit("one", "~/a")}}},
              {.texts = {{"a.cedar", "// more\n" + Permit("one", "~/a")}}}, Load);
  EXPECT_THAT(difference.files.changed, ElementsAre("a.cedar"));
  EXPECT_THAT(difference.policies->changed, IsEmpty());
}

TEST(PolicyDifferenceTest, EqualNamesAreToldApart) {
  const PolicyDifference difference =
      Compare({.texts = {{"a.cedar", "// 1"}}},
              {.texts = {{"a.cedar", "// 1"}, {"a.cedar", "// 2"}}}, Load);
  EXPECT_THAT(difference.files.added, ElementsAre("a.cedar (2)"));
}

TEST(PolicyDifferenceTest, WhatIsNoPolicyHasFilesOnly) {
  const PolicyDifference difference =
      Compare({.texts = {{"a.cedar", "permit("}}}, {.texts = {{"a.cedar", "// 2"}}}, Load);
  EXPECT_THAT(difference.files.changed, ElementsAre("a.cedar"));
  EXPECT_FALSE(difference.policies);
}

}  // namespace
}  // namespace aegis::cli
