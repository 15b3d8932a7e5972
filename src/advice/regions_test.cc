#include "advice/regions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace aegis::advice {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PathRegions, PlacesStandBehindThoseAround) {
  const PathRegions regions({"*/.env", "/home/u/.env", "/srv", "/srv/app/x"});
  EXPECT_THAT(regions.places(), ElementsAre("/", "/srv", "/srv/app/x", "/home/u/.env"));
  EXPECT_EQ(regions.around(0), kNoRegion);
  EXPECT_EQ(regions.around(2), 1U);
  EXPECT_EQ(regions.around(3), 0U);
  EXPECT_THAT(regions.own(1), IsEmpty());
  EXPECT_THAT(regions.own(3), ElementsAre(0U)) << "it is a .env itself";
}

TEST(PathRegions, NamesMatchTheirGroupsAndNoOthers) {
  const PathRegions regions({"*/*.key", "*/.env", "/srv"});
  const std::vector<std::uint32_t> both{0, 1};
  EXPECT_EQ(regions.PathIn(0, {}), "/\xc2\xb7");
  EXPECT_EQ(regions.PathIn(1, both), "/srv/\xc2\xb7/\xc2\xb7.key/.env");
}

TEST(PathRegions, AFreshNameIsOneThatNoMentionHas) {
  EXPECT_EQ(PathRegions({"/x\xc2\xb7y"}).PathIn(0, {}), "/\xc2\xb8");
}

std::vector<std::string> Resources(const std::vector<Sample>& samples) {
  std::vector<std::string> resources;
  resources.reserve(samples.size());
  for (const Sample& sample : samples) {
    resources.push_back(sample.region.name + " " + sample.question.resource);
  }
  return resources;
}

TEST(HostSamples, HostsLieInDomainsWithTheirPorts) {
  const auto samples = HostSamples({"*.b.org", "*.org:443", "a.b.org", "unix:/run/x"});
  EXPECT_THAT(
      Resources(samples),
      ElementsAre(" \xc2\xb7.\xc2\xb7:1", "*.org \xc2\xb7.org:1", "*.org:443 \xc2\xb7.org:443",
                  "*.b.org \xc2\xb7.b.org:1", "*.b.org:443 \xc2\xb7.b.org:443", "a.b.org a.b.org:1",
                  "a.b.org:443 a.b.org:443", "a.b.org a.b.org", "unix:/run/x unix:/run/x"));
  EXPECT_THAT(samples[6].around, ElementsAre(5U, 4U)) << "the host, and the port of the domain";
  EXPECT_FALSE(samples[6].region.subtree);
  EXPECT_TRUE(samples[5].region.subtree) << "all other ports";
}

TEST(HostSamples, AddressesOfSixteenBytesHaveBrackets) {
  EXPECT_THAT(Resources(HostSamples({"[::1]:80"})),
              ElementsAre(" \xc2\xb7.\xc2\xb7:1", "::1 [::1]:1", "[::1]:80 [::1]:80"));
}

TEST(HostSamples, RangesLieInRanges) {
  const auto samples =
      HostSamples({"10.0.0.0/16", "10.0.0.0/8:22", "10.0.0.1", "*:443", "fd00::/8"});
  EXPECT_THAT(
      Resources(samples),
      ElementsAre(" \xc2\xb7.\xc2\xb7:1", "*:443 \xc2\xb7.\xc2\xb7:443", "10.0.0.0/8 10.1.0.0:1",
                  "10.0.0.0/8:22 10.1.0.0:22", "fd00::/8 [fd00::]:1", "10.0.0.0/16 10.0.0.0:1",
                  "10.0.0.0/16:22 10.0.0.0:22", "10.0.0.1 10.0.0.1:1", "10.0.0.1:22 10.0.0.1:22"));
  EXPECT_THAT(samples[2].around, ElementsAre(0U));
  EXPECT_THAT(samples[3].around, ElementsAre(2U)) << "a port of all names is none of addresses";
  EXPECT_THAT(samples[6].around, ElementsAre(5U, 3U));
}

TEST(HostSamples, ARangeThatOthersFillStandsForNothing) {
  EXPECT_THAT(
      Resources(HostSamples({"10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"})),
      ElementsAre(" \xc2\xb7.\xc2\xb7:1", "10.0.0.0/9 10.0.0.0:1", "10.128.0.0/9 10.128.0.0:1"));
  EXPECT_THAT(Resources(HostSamples({"10.0.0.0/31", "10.0.0.0", "10.0.0.1", "255.255.255.255/32"})),
              ElementsAre(" \xc2\xb7.\xc2\xb7:1", "255.255.255.255/32 255.255.255.255:1",
                          "10.0.0.0 10.0.0.0:1", "10.0.0.1 10.0.0.1:1"));
}

TEST(HostSamples, ThePortOfTheRestIsOneThatNoMentionNames) {
  EXPECT_EQ(HostSamples({"a:1", "a:2"}).front().question.port, 3);
}

TEST(ToolSamples, ToolsAreNames) {
  EXPECT_THAT(Resources(ToolSamples({"/srv", "grep"})), ElementsAre(" \xc2\xb7", "grep grep"));
}

}  // namespace
}  // namespace aegis::advice
