#include "advice/places.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "policy/policy.h"

namespace aegis::advice {
namespace {

using Place = policy::PolicySet::Place;

Place All(std::string name) { return {.name = std::move(name), .subtree = true}; }
Place One(std::string name) { return {.name = std::move(name), .subtree = false}; }

TEST(PlacesTest, ComponentsAreCountedAndShared) {
  EXPECT_EQ(Components("/"), 0U);
  EXPECT_EQ(Components("/a/b"), 2U);
  EXPECT_EQ(SharedComponents("/a/b/c", "/a/b/d"), 2U);
  EXPECT_EQ(SharedComponents("/a/b", "/a/bc"), 1U);
  EXPECT_EQ(SharedComponents("/", "/a"), 0U);
  EXPECT_EQ(SharedComponents("/a", "/a"), 1U);
  EXPECT_EQ(SharedComponents("h:1", "/a"), 0U);
}

TEST(PlacesTest, ASubtreeHoldsWhatLiesInIt) {
  EXPECT_TRUE(Holds(All("/a"), One("/a")));
  EXPECT_TRUE(Holds(All("/a"), All("/a/b")));
  EXPECT_TRUE(Holds(All("/"), All("/a")));
  EXPECT_TRUE(Holds(All("/"), All("*/.env")));
  EXPECT_TRUE(Holds(One("/a"), One("/a")));
  EXPECT_FALSE(Holds(One("/a"), All("/a")));
  EXPECT_FALSE(Holds(All("/a"), One("/ab")));
  EXPECT_FALSE(Holds(All("/a/b"), All("/a")));
  EXPECT_FALSE(Holds(All("/"), One("h:1"))) << "a host lies in no directory";
  EXPECT_FALSE(Holds(All("/a"), All("*/.env")));
}

TEST(PlacesTest, AGroupHoldsEachPathWithSuchAComponent) {
  EXPECT_TRUE(Holds(All("*/.env"), One("/p/.env")));
  EXPECT_TRUE(Holds(All("*/.env"), All("/p/.env/x")));
  EXPECT_TRUE(Holds(All("*/.env.*"), One("/p/.env.")));
  EXPECT_TRUE(Holds(All("*/*.kdbx"), One("/.kdbx")));
  EXPECT_TRUE(Holds(All("*/a*b*c"), One("/x/aXbbYc/z")));
  EXPECT_FALSE(Holds(All("*/.env"), One("/p/.envx")));
  EXPECT_FALSE(Holds(All("*/a*b*c"), One("/x/aXbbYd")));
  EXPECT_FALSE(Holds(All("*/.env"), One("/p"))) << "it may lie below, but that is another place";
  EXPECT_TRUE(MayMeet(All("*/.env"), All("/p")));
  EXPECT_FALSE(MayMeet(All("*/.env"), One("h:1")));
}

TEST(PlacesTest, PortsAndRangesHoldHosts) {
  EXPECT_TRUE(Holds(All("*:443"), One("h.example:443")));
  EXPECT_TRUE(Holds(All("*:443"), All("*.example:443")));
  EXPECT_FALSE(Holds(All("*:443"), One("h.example:80")));
  EXPECT_FALSE(Holds(All("*:443"), All("h.example"))) << "its other ports";
  EXPECT_FALSE(Holds(All("*:443"), One("10.0.0.1:443")));
  EXPECT_TRUE(MayMeet(All("*:443"), All("h.example")));
  EXPECT_TRUE(MayMeet(All("*.example:443"), All("h.example")));
  EXPECT_FALSE(MayMeet(All("*:443"), All("h.example:80")));
  EXPECT_TRUE(Holds(All("*.example:443"), One("h.example:443")));
  EXPECT_TRUE(Holds(All("10.0.0.0/8"), One("10.1.2.3:22")));
  EXPECT_TRUE(Holds(All("10.0.0.0/8:22"), One("10.1.2.3:22")));
  EXPECT_FALSE(Holds(All("10.0.0.0/8:22"), One("10.1.2.3:23")));
  EXPECT_FALSE(Holds(All("10.0.0.0/8"), One("11.1.2.3:22")));
  EXPECT_TRUE(Holds(All("10.0.0.0/8"), All("10.9.0.0/16:22")));
  EXPECT_FALSE(Holds(All("10.9.0.0/16"), All("10.0.0.0/8")));
  EXPECT_TRUE(MayMeet(All("10.9.0.0/16"), All("10.0.0.0/8:22")));
  EXPECT_TRUE(Holds(All("[fd00::/8]:443"), One("[fd12::1]:443")));
  EXPECT_FALSE(Holds(All("::/0"), One("10.0.0.1:1")));
  EXPECT_FALSE(Holds(All("*.0.1"), One("10.0.0.1:1")));
}

TEST(PlacesTest, HostsHoldTheirPortsAndDomainsWhatIsBelow) {
  EXPECT_TRUE(Holds(All("h.example"), One("h.example:443")));
  EXPECT_TRUE(Holds(All("::1"), One("[::1]:443")));
  EXPECT_TRUE(Holds(All("*.example"), One("h.example:443")));
  EXPECT_TRUE(Holds(All("*.example"), All("*.eu.example")));
  EXPECT_TRUE(Holds(All("*.example"), All("a.b.example")));
  EXPECT_FALSE(Holds(All("*.example"), One("example:443")));
  EXPECT_FALSE(Holds(All("h.example:443"), All("h.example")));
  EXPECT_FALSE(Holds(All("h.example"), One("xh.example:1")));
  EXPECT_FALSE(Holds(All("unix"), One("unix:/run/x")));
}

TEST(PlacesTest, NamesAreGivenAsPeopleWriteThem) {
  const policy::Names names{.agent = "a", .home = "/home/u", .dir = "/home/u/app"};
  EXPECT_EQ(Aliased("/home/u/app/x", names), "@dir/x");
  EXPECT_EQ(Aliased("/home/u/app", names), "@dir");
  EXPECT_EQ(Aliased("/home/u/apple", names), "~/apple");
  EXPECT_EQ(Aliased("/home/u", names), "~");
  EXPECT_EQ(Aliased("/srv", names), "/srv");
  EXPECT_EQ(Aliased("h:1", names), "h:1");
  EXPECT_EQ(Aliased("/x", {.agent = "a", .home = "/", .dir = ""}), "/x");
}

}  // namespace
}  // namespace aegis::advice
