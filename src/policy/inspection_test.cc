#include "policy/inspection.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

#include "policy/policy.h"

namespace aegis::policy {
namespace {

bool ByName(std::string_view host, std::int64_t port, std::string_view protocol) {
  return ConnectsByName({.host = host, .port = port, .protocol = protocol});
}

TEST(InspectionTest, HasItsNames) {
  EXPECT_EQ(InspectionName(Inspection::kName), "name");
  EXPECT_EQ(InspectionName(Inspection::kNone), "none");
}

TEST(InspectionTest, OnlyTcpToANameCanBeCompared) {
  EXPECT_TRUE(ByName("api.example.com", 443, "tcp"));
  EXPECT_TRUE(ByName("h", 1, "tcp"));
  EXPECT_FALSE(ByName("10.0.0.1", 443, "tcp"));
  EXPECT_FALSE(ByName("::1", 443, "tcp"));
  EXPECT_FALSE(ByName("api.example.com", 0, "dns")) << "a question to the name system";
  EXPECT_FALSE(ByName("api.example.com", 443, "udp"));
  EXPECT_FALSE(ByName("", 0, "unix")) << "a socket of this machine";
  EXPECT_FALSE(ByName("", 443, "tcp"));
}

}  // namespace
}  // namespace aegis::policy
